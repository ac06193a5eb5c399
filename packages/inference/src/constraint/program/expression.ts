/** An inclusive range of byte values or of code points. */
export type Range = readonly [low: number, high: number];

/** How often the ticks of a called rule may fire: from `min` to `max`, which may be `Infinity`. */
export interface Counter {
  readonly min: number;
  readonly max: number;
}

/** An edge of a graph of expressions. */
export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  readonly label: Expression;
  /** Counts one in the frame of the rule before the label; with how many more can follow in total. */
  readonly tick?: { readonly low: number; readonly high: number } | undefined;
  /** Can be taken only with at least the fewest ticks. Its label is the last that the rule reads: one byte. */
  readonly isGuarded?: boolean | undefined;
}

/** What a rule matches: bytes, and calls of other rules. */
export type Expression =
  | { readonly kind: "empty" }
  | { readonly kind: "bytes"; readonly ranges: readonly Range[] }
  | { readonly kind: "literals"; readonly texts: readonly Uint8Array[] }
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  | { readonly kind: "choice"; readonly options: readonly Expression[] }
  | {
      readonly kind: "repeat";
      readonly body: Expression;
      readonly min: number;
      /** `Infinity` for no bound. */
      readonly max: number;
    }
  | { readonly kind: "call"; readonly rule: number; readonly counter?: Counter | undefined }
  | {
      readonly kind: "graph";
      readonly stateCount: number;
      /** State 0 is the start. */
      readonly accepting: ReadonlySet<number>;
      readonly edges: readonly GraphEdge[];
    };

export const emptyExpression: Expression = { kind: "empty" };
/** Matches nothing at all. */
export const neverExpression: Expression = { kind: "choice", options: [] };

const encoder = new TextEncoder();

/** One text, in UTF-8. */
export function literal(text: string): Expression {
  return text === "" ? emptyExpression : { kind: "literals", texts: [encoder.encode(text)] };
}

/** These bytes; none of them is nothing. */
export function exactly(bytes: Uint8Array): Expression {
  return bytes.length === 0 ? emptyExpression : { kind: "literals", texts: [bytes] };
}

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function sequence(...parts: readonly Expression[]): Expression {
  return parts.length === 1 ? parts[0]! : { kind: "sequence", parts };
}

export function choice(...options: readonly Expression[]): Expression {
  return options.length === 1 ? options[0]! : { kind: "choice", options };
}
