import { limits } from "../values/limits.ts";
import { TemplateSyntaxError } from "../values/template-error.ts";
import type { Token, TokenType } from "./tokenize.ts";

const tokenNames: Readonly<Record<TokenType, string>> = {
  data: "text",
  "print-begin": '"{{"',
  "print-end": '"}}"',
  "block-begin": '"{%"',
  "block-end": '"%}"',
  name: "",
  string: "a string",
  integer: "",
  float: "",
  operator: "",
  end: "the end of the template",
};

/** The tokens of a template, with a lookahead of one. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get current(): Token {
    return this.#tokenAt(this.#at);
  }

  get next(): Token {
    return this.#tokenAt(this.#at + 1);
  }

  /** Returns the current token and advances. */
  take(): Token {
    const { current } = this;
    this.#at += 1;
    return current;
  }

  isOperator(value: string): boolean {
    return this.current.type === "operator" && this.current.value === value;
  }

  isName(...values: readonly string[]): boolean {
    return this.current.type === "name" && values.includes(this.current.value);
  }

  skipOperator(value: string): boolean {
    const isFound = this.isOperator(value);
    if (isFound) this.#at += 1;
    return isFound;
  }

  skipName(value: string): boolean {
    const isFound = this.isName(value);
    if (isFound) this.#at += 1;
    return isFound;
  }

  expect(type: TokenType): Token {
    if (this.current.type !== type) throw this.unexpected(tokenNames[type] || `a ${type}`);
    return this.take();
  }

  expectOperator(value: string): Token {
    if (!this.isOperator(value)) throw this.unexpected(`"${value}"`);
    return this.take();
  }

  expectName(value: string): Token {
    if (!this.isName(value)) throw this.unexpected(`"${value}"`);
    return this.take();
  }

  /** Parses a construct that may nest. */
  nested<Result>(parse: () => Result): Result {
    this.#depth += 1;
    if (this.#depth > limits.nesting) {
      throw this.fail(`expected at most ${limits.nesting} nested blocks and brackets, got more`);
    }
    const result = parse();
    this.#depth -= 1;
    return result;
  }

  unexpected(expected: string): TemplateSyntaxError {
    const { type, value } = this.current;
    return this.fail(`expected ${expected}, got ${tokenNames[type] || JSON.stringify(value)}`);
  }

  fail(message: string): TemplateSyntaxError {
    return new TemplateSyntaxError(message, this.current.line);
  }

  #tokenAt(at: number): Token {
    const token = this.#tokens[Math.min(at, this.#tokens.length - 1)];
    if (token === undefined) throw new Error("expected an end token, got none");
    return token;
  }
}
