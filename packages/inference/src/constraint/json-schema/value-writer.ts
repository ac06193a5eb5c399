import { type Counter, choice, type Expression, literal, neverExpression } from "../program/expression.ts";
import type { ProgramBuilder } from "../program/program-builder.ts";
import { planObject } from "./plan-object.ts";
import type { Conjunction } from "./schema-document.ts";
import { writeLiteral } from "./write-literal.ts";
import { isScalar } from "./json-value.ts";
import type { SchemaShapes } from "./schema-shapes.ts";
import type { ArrayShape, NumberShape, ObjectShape, Shape } from "./shapes.ts";
import { writeArray } from "./write-array.ts";
import { writeNumber } from "./write-number.ts";
import { objectCounter, type ValueWriting, writeObject } from "./write-object.ts";
import { StringWriter } from "./write-string.ts";

/** Writes values as rules of a program: one for each kind of array, object, string or number. */
export class ValueWriter {
  readonly #shapes: SchemaShapes;
  readonly #builder: ProgramBuilder;
  readonly #writing: ValueWriting;
  readonly #strings: StringWriter;
  readonly #composites = new Map<Shape, Expression>();
  readonly #numbers = new Map<string, Expression>();
  readonly #pending: (() => void)[] = [];

  constructor(shapes: SchemaShapes, builder: ProgramBuilder, space: Expression) {
    this.#shapes = shapes;
    this.#builder = builder;
    this.#strings = new StringWriter(builder);
    this.#writing = { builder, space, value: (conjunction) => this.#write(conjunction) };
  }

  /** Defines a rule that matches the values of some schemas, and all rules that it needs. */
  define(rule: number, conjunction: Conjunction): void {
    this.#builder.defineRule(rule, this.#write(conjunction));
    for (let define = this.#pending.pop(); define !== undefined; define = this.#pending.pop()) define();
  }

  #write(conjunction: Conjunction): Expression {
    const shapes = this.#shapes.of(conjunction);
    const encoder = new TextEncoder();
    const texts: Uint8Array[] = [];
    const options: Expression[] = [];
    for (const shape of shapes) {
      if (shape.type !== "literal") options.push(this.#writeShape(shape));
      else if (isScalar(shape.value)) texts.push(encoder.encode(JSON.stringify(shape.value)));
      else options.push(writeLiteral(shape.value, this.#writing.space));
    }
    if (texts.length > 0) options.unshift({ kind: "literals", texts });
    return choice(...options);
  }

  #writeShape(shape: Exclude<Shape, { type: "literal" }>): Expression {
    switch (shape.type) {
      case "null":
        return literal("null");
      case "boolean":
        return choice(literal("true"), literal("false"));
      case "string":
        return this.#strings.write(shape);
      case "number":
        return this.#number(shape);
      case "array":
        return this.#composite(shape, () => this.#array(shape));
      case "object":
        return this.#composite(shape, () => this.#object(shape));
    }
  }

  #number(shape: NumberShape): Expression {
    const key = JSON.stringify({ ...shape, path: "" });
    let expression = this.#numbers.get(key);
    if (expression === undefined) {
      expression = { kind: "call", rule: this.#builder.addRule(writeNumber(shape, this.#builder.budget)) };
      this.#numbers.set(key, expression);
    }
    return expression;
  }

  #composite(shape: Shape, create: () => Expression): Expression {
    let expression = this.#composites.get(shape);
    if (expression === undefined) {
      expression = create();
      this.#composites.set(shape, expression);
    }
    return expression;
  }

  #array(shape: ArrayShape): Expression {
    const rule = this.#builder.declareRule();
    this.#pending.push(() => this.#builder.defineRule(rule, writeArray(shape, this.#shapes, this.#writing)));
    return { kind: "call", rule };
  }

  #object(shape: ObjectShape): Expression {
    const plan = planObject(shape, this.#shapes);
    if (plan === undefined) return neverExpression;
    const limits: Counter = { min: shape.min, max: shape.max };
    const counter = objectCounter(plan, limits);
    if (counter === "never") return neverExpression;
    const rule = this.#builder.declareRule();
    this.#pending.push(() =>
      this.#builder.defineRule(rule, writeObject(plan, counter !== undefined, this.#writing)),
    );
    return { kind: "call", rule, counter };
  }
}
