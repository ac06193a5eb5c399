import type { CodePoints } from "../characters/code-points.ts";
import { choice, type Expression, sequence } from "../program/expression.ts";
import type { PatternNode } from "./pattern-node.ts";

/** Writes patterns without anchors as expressions, with one encoding of characters. */
export class PatternEncoder {
  readonly #encode: (points: CodePoints) => Expression;
  readonly #encoded = new Map<string, Expression>();

  constructor(encode: (points: CodePoints) => Expression) {
    this.#encode = encode;
  }

  /** One character of a set; the same expression for the same set. */
  characters(points: CodePoints): Expression {
    const key = points.join(";");
    let expression = this.#encoded.get(key);
    if (expression === undefined) {
      expression = this.#encode(points);
      this.#encoded.set(key, expression);
    }
    return expression;
  }

  pattern(node: PatternNode): Expression {
    switch (node.kind) {
      case "class":
        return this.characters(node.points);
      case "sequence":
        return sequence(...node.parts.map((part) => this.pattern(part)));
      case "choice":
        return choice(...node.options.map((option) => this.pattern(option)));
      case "repeat":
        return { kind: "repeat", body: this.pattern(node.body), min: node.min, max: node.max };
      case "anchor":
        return sequence();
    }
  }
}
