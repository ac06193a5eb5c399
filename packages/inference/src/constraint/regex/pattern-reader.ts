import { ConstraintError, type ConstraintErrorCode } from "../program/constraint-error.ts";

/** Reads the characters of a pattern one after another. */
export class PatternReader {
  readonly text: string;
  readonly #path: string;
  position = 0;

  constructor(text: string, path: string) {
    this.text = text;
    this.#path = path;
  }

  get isAtEnd(): boolean {
    return this.position >= this.text.length;
  }

  /** The next code point, as a string; empty at the end. */
  peek(): string {
    const point = this.text.codePointAt(this.position);
    return point === undefined ? "" : String.fromCodePoint(point);
  }

  take(): string {
    const character = this.peek();
    this.position += character.length;
    return character;
  }

  /** Takes a text if it is next. */
  skip(text: string): boolean {
    if (!this.text.startsWith(text, this.position)) return false;
    this.position += text.length;
    return true;
  }

  /** Takes what an expression with the flag `y` matches here. */
  match(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.position;
    const found = expression.exec(this.text);
    if (found === null) return undefined;
    this.position += found[0].length;
    return found;
  }

  fail(expected: string, got?: string): never {
    this.refuse("INVALID_CONSTRAINT", { expected, got });
  }

  unsupported(expected: string, got: string): never {
    this.refuse("UNSUPPORTED_CONSTRAINT", { expected, got });
  }

  refuse(
    code: ConstraintErrorCode,
    { expected, got }: { expected: string; got?: string | undefined },
  ): never {
    const found = this.isAtEnd
      ? "the end"
      : JSON.stringify(this.text.slice(this.position, this.position + 20));
    throw new ConstraintError(code, {
      path: this.#path,
      position: this.position,
      expected,
      got: got ?? found,
    });
  }
}
