import { limits } from "../values/limits.ts";
import { TemplateSyntaxError } from "../values/template-error.ts";
import type { Token, TokenType } from "./token.ts";

const nouns: Readonly<Record<TokenType, string>> = {
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

/** Tokens one after the other, for a parser that looks one ahead. */
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

  /** Answers the current token and goes on. */
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
    if (this.current.type !== type) throw this.unexpected(nouns[type] || `a ${type}`);
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

  /** Parses something that may have more of its kind in it. */
  nested<Result>(parse: () => Result): Result {
    this.#depth += 1;
    if (this.#depth > limits.nesting) {
      throw this.fail(`expected blocks and brackets of at most ${limits.nesting} levels`);
    }
    const result = parse();
    this.#depth -= 1;
    return result;
  }

  unexpected(expected: string): TemplateSyntaxError {
    const { type, value } = this.current;
    return this.fail(`expected ${expected}, found ${nouns[type] || JSON.stringify(value)}`);
  }

  fail(message: string): TemplateSyntaxError {
    return new TemplateSyntaxError(message, this.current.line);
  }

  #tokenAt(at: number): Token {
    const token = this.#tokens[Math.min(at, this.#tokens.length - 1)];
    if (token === undefined) throw new Error("expected tokens that end with an end");
    return token;
  }
}
