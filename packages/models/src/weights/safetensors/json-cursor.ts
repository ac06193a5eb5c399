import { JsonScanner } from "../../files/json-scanner.ts";

const maxDepth = 32;
const integerPattern = /(?:0|[1-9]\d*)(?![\d.eE])/y;
const scalarPattern = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;

/**
 * Reads JSON of a known form member by member, so that a hostile text takes no more memory than what the caller keeps.
 * Stricter than `JSON.parse`: a name may appear once in an object, and numbers are unsigned integers.
 */
export class JsonCursor {
  readonly #scanner: JsonScanner;

  constructor(text: string) {
    this.#scanner = new JsonScanner(text);
  }

  /** Reads an object; `onMember` reads the value of each name. */
  readObject(onMember: (name: string) => void): void {
    const names = new Set<string>();
    this.#scanner.readItems("{}", () => {
      const name = this.readString();
      if (names.has(name)) {
        throw this.#scanner.error("each name once", `${JSON.stringify(name)} a second time`);
      }
      names.add(name);
      this.#scanner.expect(":");
      onMember(name);
    });
  }

  /** Reads an array of unsigned integers. */
  readIntegers(maxCount: number): number[] {
    const values: number[] = [];
    this.#scanner.readItems("[]", () => {
      if (values.length === maxCount) throw this.#scanner.error(`at most ${maxCount} integers`, "more");
      values.push(this.#readInteger());
    });
    return values;
  }

  readString(): string {
    return this.#scanner.readString();
  }

  /** Skips any value; deep nesting is an error. */
  skipValue(depth = 0): void {
    if (depth > maxDepth) throw this.#scanner.error(`values nested at most ${maxDepth} deep`, "deeper ones");
    const skipInner = (): void => this.skipValue(depth + 1);
    const first = this.#scanner.peek();
    if (first === '"') this.readString();
    else if (first === "{") this.readObject(skipInner);
    else if (first === "[") this.#scanner.readItems("[]", skipInner);
    else this.#scanner.match(scalarPattern, "a value");
  }

  /** Only white space may follow. */
  readEnd(): void {
    this.#scanner.readEnd();
  }

  #readInteger(): number {
    const [digits] = this.#scanner.match(integerPattern, "an unsigned integer");
    const value = Number(digits);
    if (Number.isSafeInteger(value)) return value;
    throw this.#scanner.error(`an integer of at most ${Number.MAX_SAFE_INTEGER}`, digits);
  }
}
