import type { Budget } from "./budget.ts";
import { ConstraintError } from "./constraint-error.ts";
import type { Counter, Expression, GraphEdge } from "./expression.ts";
import { moveKinds, unbounded } from "./program.ts";

/** A move that reads no byte, as in `ConstraintProgram`. */
export interface DraftMove {
  readonly kind: number;
  readonly target: number;
  readonly low: number;
  readonly high: number;
}

/** An edge that reads a byte. */
export interface DraftEdge {
  readonly low: number;
  readonly high: number;
  readonly target: number;
}

export interface DraftRule {
  readonly start: number;
  readonly end: number;
  readonly isKey: boolean;
}

/** A rule for a part of the source, which some text must match. */
export interface SourcePart {
  readonly rule: number;
  readonly part: string;
  /** Of the errors about it. */
  readonly path: string;
}

/** Bodies up to this many nodes in all are copied for a small repetition; others are counted. */
const copiedNodes = 24;

/** Collects rules and their states; `assembleProgram` makes a program of them. */
export class ProgramBuilder {
  readonly budget: Budget;
  readonly rules: DraftRule[] = [];
  readonly edges: DraftEdge[][] = [];
  readonly moves: DraftMove[][] = [];
  readonly counters: Counter[] = [];
  readonly parts: SourcePart[] = [];
  readonly #counterIndexes = new Map<string, number>();
  readonly #loops = new Map<Expression, number>();

  constructor(budget: Budget) {
    this.budget = budget;
  }

  /** Makes a rule without a body, to be defined once; it may be called before. */
  declareRule(isKey = false): number {
    const start = this.#addState();
    this.rules.push({ start, end: this.#addState(), isKey });
    this.budget.check("rules", this.rules.length);
    return this.rules.length - 1;
  }

  defineRule(rule: number, body: Expression): void {
    const { start, end } = this.rules[rule]!;
    this.#connect(body, start, end);
  }

  /** A rule of its own for an expression. */
  addRule(body: Expression, isKey = false): number {
    const rule = this.declareRule(isKey);
    this.defineRule(rule, body);
    return rule;
  }

  #addState(): number {
    this.edges.push([]);
    this.budget.check("states", this.moves.push([]));
    return this.edges.length - 1;
  }

  #addMove(from: number, move: DraftMove): void {
    this.budget.spend(1);
    this.moves[from]!.push(move);
  }

  #skip(from: number, target: number): void {
    this.#addMove(from, { kind: moveKinds.silent, target, low: 0, high: 0 });
  }

  #connect(expression: Expression, from: number, to: number): void {
    this.budget.spend(1);
    switch (expression.kind) {
      case "empty":
        this.#skip(from, to);
        break;
      case "bytes":
        this.budget.spend(expression.ranges.length);
        for (const [low, high] of expression.ranges) this.edges[from]!.push({ low, high, target: to });
        break;
      case "literals":
        this.#connectLiterals(expression.texts, from, to);
        break;
      case "sequence":
        this.#connectSequence(expression.parts, from, to);
        break;
      case "choice":
        for (const option of expression.options) this.#connect(option, from, to);
        break;
      case "repeat":
        this.#connectRepeat(expression, from, to);
        break;
      case "call":
        this.#addMove(from, {
          kind: moveKinds.call,
          target: to,
          low: expression.rule,
          high: expression.counter === undefined ? -1 : this.#counterOf(expression.counter),
        });
        break;
      case "graph":
        this.#connectGraph(expression, from, to);
        break;
    }
  }

  #connectSequence(parts: readonly Expression[], from: number, to: number): void {
    if (parts.length === 0) return this.#skip(from, to);
    let at = from;
    for (const [index, part] of parts.entries()) {
      const next = index === parts.length - 1 ? to : this.#addState();
      this.#connect(part, at, next);
      at = next;
    }
  }

  /** A tree of the texts, so that many that begin alike share their states. */
  #connectLiterals(texts: readonly Uint8Array[], from: number, to: number): void {
    const children = new Map<number, number>();
    for (const text of texts) {
      let at = from;
      for (const byte of text) {
        this.budget.spend(1);
        const key = at * 256 + byte;
        let next = children.get(key);
        if (next === undefined) {
          next = this.#addState();
          children.set(key, next);
          this.edges[at]!.push({ low: byte, high: byte, target: next });
        }
        at = next;
      }
      this.#skip(at, to);
    }
  }

  #connectRepeat({ body, min, max }: Expression & { kind: "repeat" }, from: number, to: number): void {
    if (max === Infinity && min <= 1) {
      const loop = this.#addState();
      if (min === 0) this.#skip(from, loop);
      else this.#connect(body, from, loop);
      this.#connect(body, loop, loop);
      this.#skip(loop, to);
      return;
    }
    const copies = max === Infinity ? min + 1 : max;
    if (copies * nodeCount(body, copiedNodes) > copiedNodes && !isNullable(body)) {
      this.#addMove(from, {
        kind: moveKinds.call,
        target: to,
        low: this.#loopOf(body),
        high: this.#counterOf({ min, max }),
      });
      return;
    }
    let at = from;
    for (let copy = 0; copy < copies; copy += 1) {
      if (copy >= min) this.#skip(at, to);
      const next = this.#addState();
      if (max === Infinity && copy === min) {
        this.#skip(at, next);
        this.#connect(body, next, next);
      } else {
        this.#connect(body, at, next);
      }
      at = next;
    }
    this.#skip(at, to);
  }

  /** The rule that repeats an expression and counts its repetitions. */
  #loopOf(body: Expression): number {
    let rule = this.#loops.get(body);
    if (rule === undefined) {
      rule = this.addRule(countedLoop(body));
      this.#loops.set(body, rule);
    }
    return rule;
  }

  #connectGraph(
    { stateCount, accepting, edges }: Expression & { kind: "graph" },
    from: number,
    to: number,
  ): void {
    const states = Array.from({ length: stateCount }, () => this.#addState());
    this.#skip(from, states[0]!);
    for (const index of accepting) this.#skip(states[index]!, to);
    for (const edge of edges) this.#connectEdge(edge, states);
  }

  #connectEdge({ from, to, label, tick, isGuarded }: GraphEdge, states: readonly number[]): void {
    if (tick === undefined && isGuarded !== true) return this.#connect(label, states[from]!, states[to]!);
    const counted = this.#addState();
    this.#addMove(states[from]!, {
      kind: tick === undefined ? moveKinds.guard : moveKinds.tick,
      target: counted,
      low: clamp(tick?.low ?? 0),
      high: clamp(tick?.high ?? 0),
    });
    this.#connect(label, counted, states[to]!);
  }

  #counterOf({ min, max }: Counter): number {
    if (min > max) {
      throw new ConstraintError("INVALID_CONSTRAINT", {
        path: this.budget.path,
        expected: "a minimum that is not above the maximum",
        got: `${min} and ${max}`,
      });
    }
    const key = `${min},${max}`;
    let index = this.#counterIndexes.get(key);
    if (index === undefined) {
      index = this.counters.push({ min: clamp(min), max: clamp(max) }) - 1;
      this.#counterIndexes.set(key, index);
    }
    return index;
  }
}

/** A body any number of times, each counted in the frame of the rule. */
function countedLoop(body: Expression): Expression {
  return {
    kind: "graph",
    stateCount: 1,
    accepting: new Set([0]),
    edges: [{ from: 0, to: 0, label: body, tick: { low: 0, high: Infinity } }],
  };
}

function clamp(count: number): number {
  return Math.min(count, unbounded);
}

/** The size of an expression; counting ends above a limit. */
function nodeCount(expression: Expression, limit: number): number {
  switch (expression.kind) {
    case "empty":
    case "call":
    case "bytes":
      return 1;
    case "literals":
      return expression.texts.reduce((sum, text) => sum + text.length, 0);
    case "sequence":
      return sumOf(expression.parts, limit);
    case "choice":
      return sumOf(expression.options, limit);
    case "repeat":
      return nodeCount(expression.body, limit) * Math.min(expression.max, expression.min + 1);
    case "graph":
      return sumOf(
        expression.edges.map((edge) => edge.label),
        limit,
      );
  }
}

function sumOf(parts: readonly Expression[], limit: number): number {
  let sum = 1;
  for (const part of parts) {
    sum += nodeCount(part, limit);
    if (sum > limit) break;
  }
  return sum;
}

/** Whether an expression matches the empty text by itself; of calls it is not known, and taken as no. */
function isNullable(expression: Expression): boolean {
  switch (expression.kind) {
    case "empty":
      return true;
    case "call":
    case "bytes":
      return false;
    case "literals":
      return expression.texts.some((text) => text.length === 0);
    case "sequence":
      return expression.parts.every(isNullable);
    case "choice":
      return expression.options.some(isNullable);
    case "repeat":
      return expression.min === 0 || isNullable(expression.body);
    case "graph":
      return expression.accepting.has(0);
  }
}
