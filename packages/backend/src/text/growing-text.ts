const pieceCount = 64;

/** A text that grows piece by piece. Concatenation alone would keep an object for each piece. */
export class GrowingText {
  #text: string;
  #pieces: string[] = [];

  constructor(start = "") {
    this.#text = start;
  }

  push(piece: string): void {
    if (piece === "") return;
    this.#pieces.push(piece);
    if (this.#pieces.length === pieceCount) this.#join();
  }

  /** Returns the text and empties it. */
  take(): string {
    this.#join();
    const text = this.#text;
    this.#text = "";
    return text;
  }

  get isEmpty(): boolean {
    return this.#text === "" && this.#pieces.length === 0;
  }

  toString(): string {
    this.#join();
    return this.#text;
  }

  #join(): void {
    this.#text += this.#pieces.join("");
    this.#pieces = [];
  }
}
