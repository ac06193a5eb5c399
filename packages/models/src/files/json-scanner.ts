/** A text that is not the JSON that its reader expects. The caller adds the file. */
export class JsonSyntaxError extends Error {
  override readonly name: string = "JsonSyntaxError";
  readonly expected: string;
  readonly got: string;

  constructor(expected: string, got: string) {
    super(`expected ${expected}, got ${got}`);
    this.expected = expected;
    this.got = got;
  }
}

/** A lexer of JSON, for readers of a known form or of exact numbers. */
export class JsonScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next character after white space; empty at the end. */
  peek(): string {
    // Headers end with many spaces. A field that is changed for each takes ten times as long.
    const text = this.#text;
    let at = this.#at;
    let code = text.charCodeAt(at);
    while (code === 32 || code === 10 || code === 13 || code === 9) {
      at += 1;
      code = text.charCodeAt(at);
    }
    this.#at = at;
    return text[at] ?? "";
  }

  /** Consumes a character if it is the next one. */
  take(char: string): boolean {
    if (this.peek() !== char) return false;
    this.#at += 1;
    return true;
  }

  /** @throws JsonSyntaxError */
  expect(char: string): void {
    if (!this.take(char)) throw this.error(JSON.stringify(char));
  }

  /** Reads items between brackets, separated by commas. @throws JsonSyntaxError */
  readItems(brackets: "[]" | "{}", readItem: () => void): void {
    const [opener = "", closer = ""] = brackets;
    this.expect(opener);
    if (this.take(closer)) return;
    do readItem();
    while (this.take(","));
    if (!this.take(closer)) throw this.error(`"," or "${closer}"`);
  }

  /** @throws JsonSyntaxError */
  readString(): string {
    if (this.peek() !== '"') throw this.error("a string");
    const start = this.#at;
    const end = this.#closingQuote(start + 1);
    try {
      const value = JSON.parse(this.#text.slice(start, end + 1)) as string;
      this.#at = end + 1;
      return value;
    } catch {
      throw this.error("a string without control characters or invalid escapes");
    }
  }

  /** Consumes the match of a sticky pattern, if it matches here. */
  tryMatch(pattern: RegExp): RegExpExecArray | undefined {
    this.peek();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? undefined;
    this.#at += found?.[0].length ?? 0;
    return found;
  }

  /** @throws JsonSyntaxError where the pattern does not match */
  match(pattern: RegExp, expected: string): RegExpExecArray {
    const found = this.tryMatch(pattern);
    if (found === undefined) throw this.error(expected);
    return found;
  }

  /** Only white space may follow. @throws JsonSyntaxError */
  readEnd(): void {
    if (this.peek() !== "") throw this.error("the end of the text");
  }

  /** @param got the next character by default */
  error(expected: string, got?: string): JsonSyntaxError {
    const char = this.peek();
    const found = got ?? (char === "" ? "the end of the text" : JSON.stringify(char));
    return new JsonSyntaxError(`${expected} at character ${this.#at}`, found);
  }

  #closingQuote(from: number): number {
    for (let at = this.#text.indexOf('"', from); at >= 0; at = this.#text.indexOf('"', at + 1)) {
      let slash = at - 1;
      while (slash >= from && this.#text[slash] === "\\") slash -= 1;
      if ((at - slash) % 2 === 1) return at;
    }
    throw this.error("a string that ends");
  }
}
