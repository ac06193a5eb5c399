/** A word, sign or piece of text of a template. `value` of a text or a string is what it stands for. */
export interface Token {
  readonly type: TokenType;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

export type TokenType =
  | "data"
  | "print-begin"
  | "print-end"
  | "block-begin"
  | "block-end"
  | "name"
  | "string"
  | "integer"
  | "float"
  | "operator"
  | "end";
