import { automatonExpression } from "../../automaton/automaton-expression.ts";
import type { CharacterAutomaton } from "../../automaton/character-automaton.ts";
import { intersectAutomata } from "../../automaton/combine-automata.ts";
import { anyTextAutomaton, isEndless } from "../../automaton/text-automata.ts";
import { encodeJsonCharacters } from "../../characters/json-text.ts";
import { ConstraintError } from "../../program/constraint-error.ts";
import {
  type Counter,
  choice,
  exactly,
  type Expression,
  literal,
  neverExpression,
  sequence,
} from "../../program/expression.ts";
import type { ProgramBuilder } from "../../program/program-builder.ts";
import { type ArrayPlan, planCountedArray } from "./plan-array.ts";
import { planObject } from "./plan-object.ts";
import type { Conjunction } from "../schema/schema-document.ts";
import { type LiteralWriting, writeLiteral, writeObjectLiteral } from "./write-literal.ts";
import { isJsonObject, isScalar, type JsonValue } from "../schema/json-value.ts";
import type { ObjectWriting, ValueWritings } from "./resolve-notation.ts";
import type { SchemaShapes } from "../shapes/schema-shapes.ts";
import type { ArrayShape, NumberShape, ObjectShape, Shape } from "../shapes/shapes.ts";
import { planSet } from "./plan-set.ts";
import { writeArray } from "./write-array.ts";
import { writeNumber } from "./write-number.ts";
import { objectCounter, type ValueWriting, writeObject } from "./write-object.ts";
import { arrayCounter, writePlannedArray } from "./write-planned-array.ts";
import { StringWriter } from "./write-string.ts";

/** Writes values as rules of a program: one for each kind of array, object, string or number. */
export class ValueWriter {
  readonly #shapes: SchemaShapes;
  readonly #builder: ProgramBuilder;
  readonly #writings: ValueWritings;
  readonly #writing: ValueWriting;
  readonly #strings: StringWriter;
  /** Of texts that are written as they are. */
  readonly #texts: StringWriter | undefined;
  readonly #composites = new Map<Shape, Expression>();
  readonly #numbers = new Map<string, Expression>();
  readonly #pending: (() => void)[] = [];

  constructor(
    shapes: SchemaShapes,
    builder: ProgramBuilder,
    writings: ValueWritings & { readonly space: Expression },
  ) {
    const { strings, root, space } = writings;
    this.#shapes = shapes;
    this.#builder = builder;
    this.#writings = writings;
    this.#strings = new StringWriter(builder, strings);
    this.#texts = root.textStrings && new StringWriter(builder, root.textStrings);
    this.#writing = {
      space,
      value: (conjunction) => this.#write(conjunction),
      text: (conjunction) => this.#text(conjunction),
    };
  }

  /** Defines a rule that matches the values of some schemas, and all rules that it needs. */
  define(rule: number, conjunction: Conjunction): void {
    const { root, objects } = this.#writings;
    this.#builder.defineRule(
      rule,
      root === objects ? this.#write(conjunction) : this.#writeRoot(conjunction),
    );
    for (let define = this.#pending.pop(); define !== undefined; define = this.#pending.pop()) define();
  }

  #write(conjunction: Conjunction): Expression {
    const shapes = this.#shapes.of(conjunction);
    const path = pathOf(conjunction);
    const texts: Uint8Array[] = [];
    const options: Expression[] = [];
    for (const shape of shapes) {
      if (shape.type !== "literal") options.push(this.#writeShape(shape));
      else if (isScalar(shape.value)) texts.push(this.#scalar(shape.value, path));
      else options.push(writeLiteral(shape.value, this.#literalWriting(path)));
    }
    if (texts.length > 0) options.unshift({ kind: "literals", texts });
    return choice(...options);
  }

  /** The value itself, where it is written unlike those in it: of its kinds only objects can be. */
  #writeRoot(conjunction: Conjunction): Expression {
    const { root } = this.#writings;
    const path = pathOf(conjunction);
    return choice(
      ...this.#shapes.of(conjunction).flatMap((shape) => {
        if (shape.type === "object") return [this.#object(shape, root)];
        if (shape.type !== "literal" || !isJsonObject(shape.value)) return [];
        return [writeObjectLiteral(shape.value, this.#literalWriting(path), root)];
      }),
    );
  }

  /** The texts among the values that match some schemas; `null` is not one. */
  #text(conjunction: Conjunction): Expression {
    const path = pathOf(conjunction);
    const texts: Uint8Array[] = [];
    const options: Expression[] = [];
    for (const shape of this.#shapes.of(conjunction)) {
      if (shape.type === "string") options.push(this.#texts!.write(shape));
      if (shape.type === "literal" && typeof shape.value === "string") {
        texts.push(this.#literalText(shape.value, this.#texts!, path));
      }
    }
    if (texts.length > 0) options.unshift({ kind: "literals", texts });
    if (options.length === 0) refuse(path, "a schema that a text matches", "null alone");
    return choice(...options);
  }

  #literalWriting(path: string): LiteralWriting {
    const { objects } = this.#writings;
    return {
      space: this.#writing.space,
      objects,
      path,
      scalar: (value) => this.#scalar(value, path),
      text: (value) => {
        if (typeof value !== "string") return refuse(path, "a text", JSON.stringify(value));
        return exactly(this.#literalText(value, this.#texts!, path));
      },
    };
  }

  #scalar(value: JsonValue, path: string): Uint8Array {
    if (typeof value === "string") return this.#literalText(value, this.#strings, path);
    const text = JSON.stringify(value);
    const { words } = this.#writings;
    return new TextEncoder().encode(Object.hasOwn(words, text) ? words[text as keyof typeof words] : text);
  }

  #literalText(text: string, strings: StringWriter, path: string): Uint8Array {
    const written = strings.literalOf(text);
    return written ?? refuse(path, "texts without the mark that ends them", JSON.stringify(text));
  }

  #writeShape(shape: Exclude<Shape, { type: "literal" }>): Expression {
    const { words, objects } = this.#writings;
    switch (shape.type) {
      case "null":
        return literal(words.null);
      case "boolean":
        return choice(literal(words.true), literal(words.false));
      case "string":
        return this.#strings.write(shape);
      case "number":
        return this.#number(shape);
      case "array":
        return this.#composite(shape, () => this.#array(shape));
      case "object":
        return this.#composite(shape, () => this.#object(shape, objects));
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

  /** Of an array whose items are counted or compared. */
  #planArray(shape: ArrayShape): ArrayPlan | undefined {
    if (shape.isUnique === true && shape.max > 1) return planSet(shape, this.#shapes);
    return (shape.contains ?? []).length > 0 ? planCountedArray(shape, this.#shapes) : undefined;
  }

  /** A text that is not among the others of its array. */
  #differentTexts(texts: CharacterAutomaton): () => Expression {
    const { allowed, encode, open, close } = this.#writings.strings;
    const { budget } = this.#builder;
    const written = allowed === anyTextAutomaton ? texts : intersectAutomata(texts, allowed, budget);
    if (encode !== encodeJsonCharacters || !isEndless(written)) {
      refuse(budget.path, "different items in JSON, where no text is left out", "another notation");
    }
    const text = automatonExpression(written, encode);
    const rule = this.#builder.addRule(sequence(exactly(open), text, exactly(close)), true);
    return () => ({ kind: "call", rule });
  }

  #array(shape: ArrayShape): Expression {
    const plan = this.#planArray(shape);
    if (plan === undefined) {
      const rule = this.#builder.declareRule();
      this.#pending.push(() =>
        this.#builder.defineRule(rule, writeArray(shape, this.#shapes, this.#writing)),
      );
      return { kind: "call", rule };
    }
    const counter = arrayCounter(plan, { min: shape.min, max: shape.max });
    if (counter === "never") return neverExpression;
    const rule = this.#builder.declareRule();
    const { space } = this.#writing;
    const item = plan.texts === undefined ? this.#writing.value : this.#differentTexts(plan.texts);
    const isCounted = counter !== undefined;
    this.#pending.push(() =>
      this.#builder.defineRule(rule, writePlannedArray({ plan, space, item, isCounted })),
    );
    return { kind: "call", rule, counter };
  }

  #object(shape: ObjectShape, objects: ObjectWriting): Expression {
    const { path } = shape;
    const plan = planObject(shape, this.#shapes, objects.names);
    if (plan === undefined) return neverExpression;
    const limits: Counter = { min: shape.min, max: shape.max };
    const counter = objectCounter(plan, limits);
    if (counter === "never") return neverExpression;
    const rule = this.#builder.declareRule();
    this.#pending.push(() =>
      this.#builder.defineRule(
        rule,
        writeObject({ plan, objects, path, isCounted: counter !== undefined }, this.#writing),
      ),
    );
    return { kind: "call", rule, counter };
  }
}

function pathOf([first]: Conjunction): string {
  return first?.path ?? "#";
}

function refuse(path: string, expected: string, got: string): never {
  throw new ConstraintError("UNSUPPORTED_CONSTRAINT", { path, expected, got });
}
