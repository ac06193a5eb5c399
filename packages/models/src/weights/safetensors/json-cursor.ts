/** A text that is not the JSON that is wanted; the caller says in which file. */
export class JsonSyntaxError extends Error {
  override readonly name: string = "JsonSyntaxError";
}

/**
 * Reads JSON of a known form member by member, so that hostile text costs no more memory than what is kept of it.
 * Stricter than `JSON.parse`: a name may appear once in an object, and numbers are unsigned integers.
 */
export class JsonCursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads an object; `onMember` reads the value of each name. */
  readObject(onMember: (name: string) => void): void {
    this.#expect("{");
    const names = new Set<string>();
    if (this.#take("}")) {
      return;
    }
    do {
      const name = this.readString();
      if (names.has(name)) {
        throw this.#error(`the name ${JSON.stringify(name)} a second time`);
      }
      names.add(name);
      this.#expect(":");
      onMember(name);
    } while (this.#take(","));
    this.#expect("}");
  }

  /** Reads an array of unsigned integers. */
  readIntegers(maxCount: number): number[] {
    const values: number[] = [];
    this.#expect("[");
    if (this.#take("]")) {
      return values;
    }
    do {
      if (values.length === maxCount) {
        throw this.#error(`more than ${maxCount} numbers`);
      }
      values.push(this.#readInteger());
    } while (this.#take(","));
    this.#expect("]");
    return values;
  }

  readString(): string {
    this.#skipSpace();
    if (this.#text[this.#at] !== '"') {
      throw this.#error("no string");
    }
    const start = this.#at;
    const end = this.#closingQuote(start + 1);
    const raw = this.#text.slice(start, end + 1);
    this.#at = end + 1;
    try {
      return JSON.parse(raw) as string;
    } catch {
      this.#at = start;
      throw this.#error("a string with a control character or a wrong escape");
    }
  }

  /** Passes over any value; nesting deeper than 32 is an error. */
  skipValue(depth = 0): void {
    this.#skipSpace();
    const first = this.#text[this.#at];
    if (depth > 32) {
      throw this.#error("values nested deeper than 32");
    }
    if (first === '"') {
      this.readString();
    } else if (first === "{") {
      this.readObject(() => this.skipValue(depth + 1));
    } else if (first === "[") {
      this.#expect("[");
      if (!this.#take("]")) {
        do {
          this.skipValue(depth + 1);
        } while (this.#take(","));
        this.#expect("]");
      }
    } else {
      this.#match(/(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y, "no value");
    }
  }

  /** Only white space may follow. */
  readEnd(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) {
      throw this.#error("more text after the end");
    }
  }

  #readInteger(): number {
    const digits = this.#match(/(?:0|[1-9]\d*)(?![\d.eE])/y, "no unsigned integer");
    const value = Number(digits);
    if (!Number.isSafeInteger(value)) {
      throw this.#error(`an integer above ${Number.MAX_SAFE_INTEGER}`);
    }
    return value;
  }

  #closingQuote(from: number): number {
    let at = this.#text.indexOf('"', from);
    while (at !== -1) {
      let slash = at - 1;
      while (slash >= from && this.#text[slash] === "\\") {
        slash -= 1;
      }
      if ((at - slash) % 2 === 1) {
        return at;
      }
      at = this.#text.indexOf('"', at + 1);
    }
    throw this.#error("a string that does not end");
  }

  #match(pattern: RegExp, otherwise: string): string {
    this.#skipSpace();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) {
      throw this.#error(otherwise);
    }
    this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;
    while (this.#at < this.#text.length && isSpace(this.#text.charCodeAt(this.#at))) {
      this.#at += 1;
    }
  }

  #take(char: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== char) {
      return false;
    }
    this.#at += 1;
    return true;
  }

  #expect(char: string): void {
    if (!this.#take(char)) {
      throw this.#error(`no ${JSON.stringify(char)}`);
    }
  }

  #error(found: string): JsonSyntaxError {
    return new JsonSyntaxError(`found ${found} at character ${this.#at}`);
  }
}
