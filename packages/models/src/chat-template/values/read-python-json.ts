import { PythonFloat } from "./python-float.ts";

/** A text that Python's `json.loads` refuses. */
export class PythonJsonError extends Error {
  override readonly name: string = "PythonJsonError";
}

/** What JSON holds, in Python's kinds: an `int` is a number where that is exact, else a bigint. */
export type PythonJson =
  | string
  | number
  | bigint
  | boolean
  | null
  | PythonFloat
  | readonly PythonJson[]
  | ReadonlyMap<string, PythonJson>;

const maxDepth = 512;
/** Python's own limit. */
const maxDigits = 4300;
const numberPattern = /(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?/y;
const constants: readonly (readonly [string, PythonJson])[] = [
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", new PythonFloat(Number.NaN)],
  ["Infinity", new PythonFloat(Infinity)],
  ["-Infinity", new PythonFloat(-Infinity)],
];

/**
 * Reads JSON as Python's `json.loads` does: keys keep their order, of equal ones the last value stands at the
 * first one's place, integers are exact, `1.0` stays a float, and `NaN` and `Infinity` are numbers.
 * @throws PythonJsonError
 */
export function readPythonJson(text: string): PythonJson {
  return new Reader(text).read();
}

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): PythonJson {
    const value = this.#readValue();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#error("the end");
    return value;
  }

  #readValue(): PythonJson {
    this.#skipSpace();
    switch (this.#text[this.#at] ?? "") {
      case '"':
        return this.#readString();
      case "{":
        return this.#nested(() => this.#readObject());
      case "[":
        return this.#nested(() => this.#readArray());
      default:
        return this.#readScalar();
    }
  }

  #nested(read: () => PythonJson): PythonJson {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw this.#error(`at most ${maxDepth} levels`);
    this.#at += 1;
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #readObject(): PythonJson {
    const members = new Map<string, PythonJson>();
    if (this.#take("}")) return members;
    do {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"') throw this.#error("a key in double quotes");
      const name = this.#readString();
      if (!this.#take(":")) throw this.#error('":"');
      members.set(name, this.#readValue());
    } while (this.#take(","));
    if (!this.#take("}")) throw this.#error('"," or "}"');
    return members;
  }

  #readArray(): PythonJson {
    const items: PythonJson[] = [];
    if (this.#take("]")) return items;
    do items.push(this.#readValue());
    while (this.#take(","));
    if (!this.#take("]")) throw this.#error('"," or "]"');
    return items;
  }

  #readString(): string {
    const start = this.#at;
    const end = this.#closingQuote(start + 1);
    this.#at = end + 1;
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch {
      this.#at = start;
      throw this.#error("a string without control characters and with known escapes");
    }
  }

  #closingQuote(from: number): number {
    for (let at = this.#text.indexOf('"', from); at >= 0; at = this.#text.indexOf('"', at + 1)) {
      let slash = at - 1;
      while (slash >= from && this.#text[slash] === "\\") slash -= 1;
      if ((at - slash) % 2 === 1) return at;
    }
    throw this.#error("a string that ends");
  }

  #readScalar(): PythonJson {
    for (const [word, value] of constants) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    numberPattern.lastIndex = this.#at;
    const [all = "", integer = "", fraction, exponent] = numberPattern.exec(this.#text) ?? [];
    if (all === "") throw this.#error("a value");
    if (integer.length > maxDigits) throw this.#error(`an integer of at most ${maxDigits} digits`);
    this.#at += all.length;
    if (fraction !== undefined || exponent !== undefined) return new PythonFloat(Number(all));
    const number = Number(integer);
    return Number.isSafeInteger(number) ? number + 0 : BigInt(integer);
  }

  #skipSpace(): void {
    for (
      let code = this.#code();
      code === 32 || code === 10 || code === 13 || code === 9;
      code = this.#code()
    ) {
      this.#at += 1;
    }
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #take(sign: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }

  #error(expected: string): PythonJsonError {
    return new PythonJsonError(`expected ${expected} at character ${this.#at}`);
  }
}
