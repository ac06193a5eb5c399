import type { Budget } from "../../program/budget.ts";
import { ConstraintError } from "../../program/constraint-error.ts";
import { combineSchemas } from "./combine-schemas.ts";
import type { JsonValue } from "../schema/json-value.ts";
import { matchesShape } from "./matches-shape.ts";
import { mergeShapes } from "./merge-shapes.ts";
import { readTypes } from "./read-types.ts";
import {
  type Conjunction,
  neverNode,
  type SchemaDocument,
  type SchemaNode,
} from "../schema/schema-document.ts";
import { SchemaFields } from "../schema/schema-fields.ts";
import { anyShapes, type LiteralShape, type ObjectShape, type Shape } from "./shapes.ts";
import { subtractShapes } from "./subtract-shapes.ts";
import { uniqueShapes } from "./unique-shapes.ts";

/** Alternatives of one value that are kept apart. */
const maxShapes = 1000;

const cannotNegate = {
  expected: "a schema of which it can be said what does not match it",
  got: "one with open names or equal items",
};
const selfReference = "a reference to itself";

/** Works out what values schemas allow, as lists of shapes; each list once. */
export class SchemaShapes {
  readonly document: SchemaDocument;
  readonly budget: Budget;
  readonly #known = new Map<string, readonly Shape[]>();
  readonly #open = new Set<SchemaNode>();

  constructor(document: SchemaDocument) {
    this.document = document;
    this.budget = document.budget;
  }

  /** The same text for conjunctions of the same schemas. */
  keyOf(conjunction: Conjunction): string {
    if (conjunction.length === 1) return String(conjunction[0]!.id);
    return [...new Set(conjunction.map((node) => node.id))].sort((left, right) => left - right).join(",");
  }

  /** The kinds of values that match all of some schemas; none if there are no such values. */
  of(conjunction: Conjunction): readonly Shape[] {
    const key = this.keyOf(conjunction);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    let shapes: readonly Shape[] | undefined;
    for (const node of new Set(conjunction)) {
      const more = node === neverNode ? [] : this.#ofNode(node);
      shapes = shapes === undefined ? more : this.intersect(shapes, more);
    }
    shapes ??= anyShapes("#");
    this.#known.set(key, shapes);
    return shapes;
  }

  /** Whether no value matches, as far as the schema itself says; not looking into arrays and objects. */
  isNever(conjunction: Conjunction): boolean {
    return this.of(conjunction).length === 0;
  }

  #ofNode(node: SchemaNode): readonly Shape[] {
    const fields = new SchemaFields(node);
    if (node.negates !== undefined) return this.#withoutValues(node.negates, node.path);
    if (this.#open.has(node)) {
      fields.refuse("INVALID_CONSTRAINT", "$ref", { expected: "a schema", got: selfReference });
    }
    this.budget.path = node.path;
    this.budget.check("depth", this.#open.size);
    this.#open.add(node);
    try {
      return this.#combine(fields);
    } finally {
      this.#open.delete(node);
    }
  }

  #withoutValues(negated: Conjunction, path: string): readonly Shape[] {
    const rest = subtractShapes(anyShapes(path), this.of(negated), this);
    if (rest !== undefined) return rest;
    throw new ConstraintError("UNSUPPORTED_CONSTRAINT", { path, ...cannotNegate });
  }

  /** As `of`; `undefined` where that would need a schema that is being read. */
  ofIfKnown(conjunction: Conjunction): readonly Shape[] | undefined {
    try {
      return this.of(conjunction);
    } catch (error) {
      if (error instanceof ConstraintError && error.got === selfReference) return undefined;
      throw error;
    }
  }

  #combine(fields: SchemaFields): readonly Shape[] {
    const isReference = fields.has("$ref");
    if (isReference && this.document.ignoresSiblings) return this.of(this.document.resolve(fields.node));
    fields.assertEnforced(this.document);
    let shapes = this.#restrictToValues(readTypes(fields, this.document), fields);
    if (isReference) shapes = this.intersect(shapes, this.of(this.document.resolve(fields.node)));
    return combineSchemas(shapes, fields, this);
  }

  #restrictToValues(shapes: readonly Shape[], fields: SchemaFields): readonly Shape[] {
    let restricted = shapes;
    const values = fields.list("enum");
    if (values !== undefined) restricted = this.intersect(literalShapes(values), restricted);
    const constant = fields.get("const");
    if (constant !== undefined) restricted = this.intersect(literalShapes([constant]), restricted);
    return restricted;
  }

  /** The values of both, as shapes. */
  intersect(left: readonly Shape[], right: readonly Shape[]): readonly Shape[] {
    const merged: Shape[] = [];
    for (const one of left) {
      for (const other of right) {
        this.budget.spend(one.type === "literal" ? 1 : 20);
        const shape = mergeShapes(one, other, this.#matches);
        if (shape === undefined || (shape.type === "object" && this.isImpossible(shape))) continue;
        merged.push(shape);
        if (shape === one && one.type === "literal") break;
      }
    }
    return uniqueShapes(merged);
  }

  /** What does not match all of some schemas. */
  negationOf(conjunction: Conjunction): Conjunction {
    return this.document.negationOf(conjunction, this.keyOf(conjunction));
  }

  /** Whether an object must have a property that has no value. */
  isImpossible({ layers, required }: ObjectShape): boolean {
    if (layers.length < 2) return false;
    return [...required].some((name) => {
      const declared = layers.filter(({ properties }) => properties.has(name));
      if (declared.length === 0) return false;
      return this.ofIfKnown(declared.flatMap(({ properties }) => properties.get(name)!))?.length === 0;
    });
  }

  readonly #matches = ({ value }: LiteralShape, shape: Shape): boolean => matchesShape(value, shape, this);

  /** @throws ConstraintError if there are too many to keep apart */
  assertFew(shapes: readonly Shape[], path: string): void {
    let count = 0;
    for (const shape of shapes) if (shape.type !== "literal") count += 1;
    if (count <= maxShapes) return;
    throw new ConstraintError("CONSTRAINT_TOO_LARGE", {
      path,
      expected: `at most ${maxShapes} alternatives of a value`,
      got: `${count}`,
    });
  }
}

function literalShapes(values: readonly JsonValue[]): readonly Shape[] {
  const byText = new Map(values.map((value) => [JSON.stringify(value), value]));
  return [...byText.values()].map((value): Shape => ({ type: "literal", value }));
}
