/** A parser as a generator: it yields where it needs more text, and returns its result. */
export type Parsing<Result = void> = Generator<undefined, Result, undefined>;

/**
 * The text of an answer, read from its start while it grows. What was read is dropped, so a parser is linear in the
 * text and keeps only what it records.
 */
export class TextCursor {
  #text = "";
  #at = 0;
  #hasAllText = false;
  /** `undefined` while nothing is recorded. */
  #recorded: string[] | undefined;
  /** Where the part of `#text` begins that is recorded and not in `#recorded`. */
  #recordedFrom = 0;
  /** Characters that may still be recorded, counted from `#recordedFrom`. */
  #recordLimit = 0;

  append(text: string): void {
    this.#saveRecorded();
    this.#text = this.#at === this.#text.length ? text : this.#text.slice(this.#at) + text;
    this.#at = 0;
    this.#recordedFrom = 0;
  }

  /** No more text follows. */
  end(): void {
    this.#hasAllText = true;
  }

  /** No more text follows what has arrived; while recording, the limit is such an end too. */
  get isEnded(): boolean {
    return this.#hasAllText || this.#isLimited;
  }

  /** All text that has arrived is read. */
  get isDrained(): boolean {
    return this.#at >= this.#end;
  }

  /** What has arrived and was not read. */
  get rest(): string {
    return this.#text.slice(this.#at, this.#end);
  }

  /** The next character; empty if none has arrived. */
  peek(): string {
    return this.isDrained ? "" : this.#text.charAt(this.#at);
  }

  skip(length: number): void {
    this.#at += length;
  }

  /** Waits for a character; `false` at the end of the text. */
  *hasMore(): Parsing<boolean> {
    while (this.isDrained) {
      if (this.isEnded) return false;
      yield;
    }
    return true;
  }

  /** Records what is read from here on; after so many characters the text seems to end. */
  record(maxCharacters: number): void {
    this.#recorded = [];
    this.#recordedFrom = this.#at;
    this.#recordLimit = maxCharacters;
  }

  /** Ends the recording and returns it. */
  takeRecorded(): string {
    this.#saveRecorded();
    const recorded = this.#recorded?.join("") ?? "";
    this.#recorded = undefined;
    return recorded;
  }

  get #isLimited(): boolean {
    return this.#recorded !== undefined && this.#recordedFrom + this.#recordLimit <= this.#text.length;
  }

  get #end(): number {
    return this.#isLimited ? this.#recordedFrom + this.#recordLimit : this.#text.length;
  }

  #saveRecorded(): void {
    if (this.#recorded === undefined || this.#at === this.#recordedFrom) return;
    const piece = this.#text.slice(this.#recordedFrom, this.#at);
    this.#recorded.push(piece);
    this.#recordLimit -= piece.length;
    this.#recordedFrom = this.#at;
  }
}
