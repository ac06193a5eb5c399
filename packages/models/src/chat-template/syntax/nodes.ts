import type { Value } from "../values/values.ts";

/** An expression; `line` counts from 1. */
export type Expression =
  | { readonly kind: "constant"; readonly value: Value }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list" | "tuple"; readonly items: readonly Expression[] }
  | { readonly kind: "dict"; readonly entries: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: "not" | "negative" | "positive"; readonly operand: Expression }
  | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: "arithmetic";
      readonly operator: ArithmeticOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: "compare"; readonly first: Expression; readonly rest: readonly Comparison[] }
  | { readonly kind: "concat"; readonly parts: readonly Expression[] }
  | {
      readonly kind: "conditional";
      readonly test: Expression;
      readonly chosen: Expression;
      readonly otherwise: Expression | undefined;
    }
  | { readonly kind: "attribute"; readonly object: Expression; readonly name: string }
  | { readonly kind: "item"; readonly object: Expression; readonly key: Expression }
  | {
      readonly kind: "slice";
      readonly object: Expression;
      readonly bounds: readonly (Expression | undefined)[];
    }
  | CallNode
  | FilterNode
  | {
      readonly kind: "test";
      readonly operand: Expression;
      readonly name: string;
      readonly args: ArgumentNodes;
      readonly line: number;
    };

export interface CallNode {
  readonly kind: "call";
  readonly callee: Expression;
  readonly args: ArgumentNodes;
  readonly line: number;
}

export interface FilterNode {
  readonly kind: "filter";
  /** Absent where the filter applies to the output of a block. */
  readonly operand: Expression | undefined;
  readonly name: string;
  readonly args: ArgumentNodes;
  readonly line: number;
}

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**";
export type ComparisonOperator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";
export type Comparison = readonly [operator: ComparisonOperator, right: Expression];

export interface ArgumentNodes {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
  /** `*more` and `**more`. */
  readonly list: Expression | undefined;
  readonly mapping: Expression | undefined;
}

/** The target of an assignment. */
export type Target =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "member"; readonly object: string; readonly name: string }
  | { readonly kind: "targets"; readonly targets: readonly Target[] };

export interface Signature {
  readonly parameters: readonly { readonly name: string; readonly fallback: Expression | undefined }[];
}

export type Block = readonly Statement[];

export interface ForNode {
  readonly kind: "for";
  readonly target: Target;
  readonly iterable: Expression;
  readonly test: Expression | undefined;
  readonly isRecursive: boolean;
  readonly body: Block;
  readonly otherwise: Block;
}

export interface MacroNode {
  readonly kind: "macro";
  readonly name: string;
  readonly signature: Signature;
  readonly body: Block;
}

/** A statement. */
export type Statement = StatementKind & { readonly line: number };

export type StatementKind =
  | { readonly kind: "data"; readonly text: string }
  | { readonly kind: "print"; readonly value: Expression }
  | { readonly kind: "do"; readonly value: Expression }
  | {
      readonly kind: "if";
      readonly branches: readonly { readonly test: Expression; readonly body: Block }[];
      readonly otherwise: Block;
    }
  | ForNode
  | { readonly kind: "set"; readonly target: Target; readonly value: Expression }
  | {
      readonly kind: "set-block";
      readonly target: Target;
      readonly filter: FilterNode | undefined;
      readonly body: Block;
    }
  | MacroNode
  | {
      readonly kind: "call-block";
      readonly signature: Signature;
      readonly call: CallNode;
      readonly body: Block;
    }
  | { readonly kind: "filter-block"; readonly filter: FilterNode; readonly body: Block }
  | {
      readonly kind: "with";
      readonly bindings: readonly (readonly [Target, Expression])[];
      readonly body: Block;
    }
  | { readonly kind: "scope"; readonly body: Block }
  | { readonly kind: "block"; readonly name: string; readonly isScoped: boolean; readonly body: Block }
  | { readonly kind: "break" | "continue" }
  /** A tag of Jinja that is not supported. It fails when it is reached. */
  | { readonly kind: "unsupported"; readonly tag: string };

/** A parsed template. */
export interface TemplateNode {
  readonly body: Block;
  readonly blocks: ReadonlyMap<string, Block>;
}
