/** A JSON schema. */
export type Schema = Readonly<Record<string, unknown>>;

/** Uniform in [0, 1). */
type Random = () => number;

const names = ["id", "name", "tags", "size", "color", "next", "é漢", 'a "quote"', "price", "is_open"];
const patterns = [
  "^[a-z]{1,8}$",
  "^\\d{3}-\\d{4}$",
  "^(cat|dog|😀)+$",
  "x",
  '^[^"\\\\]{2,6}$',
  "^\\w+@\\w+\\.com$",
];
const formats = ["date", "time", "date-time", "ipv4", "uuid"];
const values: readonly unknown[] = [null, true, 17, -2.5, "", "two words", [1, "x"], { a: { b: [] } }];

/** A schema of which most keywords are enforced, drawn at random: the same numbers give the same schema. */
export function randomSchema(random: Random): Schema {
  const draw = new SchemaDraw(random);
  return { ...draw.object(3), $defs: { leaf: draw.leaf() } };
}

class SchemaDraw {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Any schema, with at most so many levels below it. */
  schema(depth: number): Schema {
    if (depth === 0) return this.leaf();
    const kinds = [
      () => this.leaf(),
      () => this.leaf(),
      () => this.object(depth - 1),
      () => this.array(depth - 1),
      () => ({ anyOf: [this.schema(depth - 1), this.leaf()] }),
      () => ({ $ref: "#/$defs/leaf" }),
    ];
    return this.#one(kinds)();
  }

  leaf(): Schema {
    const kinds: readonly (() => Schema)[] = [
      () => ({ type: "string", minLength: this.#upTo(3), maxLength: 3 + this.#upTo(12) }),
      () => ({ type: "string", pattern: this.#one(patterns), maxLength: 40 }),
      () => ({ type: "string", format: this.#one(formats) }),
      () => ({ type: "integer", minimum: -this.#upTo(1000), maximum: this.#upTo(100_000) }),
      () => ({ type: "number", exclusiveMinimum: -1, maximum: 1 + this.#upTo(50) }),
      () => ({ type: "integer", multipleOf: 1 + this.#upTo(12), minimum: 0 }),
      () => ({ type: ["boolean", "null"] }),
      () => ({ enum: values.filter(() => this.#random() < 0.4).concat("one") }),
      () => ({ const: this.#one(values) }),
      () => ({ type: this.#one(["integer", "number", "boolean", "null"]) }),
    ];
    return this.#one(kinds)();
  }

  array(depth: number): Schema {
    const maxItems = this.#upTo(4);
    const prefixItems = Array.from({ length: this.#upTo(2) }, () => this.schema(depth));
    return {
      type: "array",
      items: this.schema(depth),
      minItems: this.#upTo(maxItems),
      maxItems,
      ...(prefixItems.length > 0 && { prefixItems }),
    };
  }

  object(depth: number): Schema {
    const own = names.filter(() => this.#random() < 0.35);
    return {
      type: "object",
      properties: Object.fromEntries(own.map((name) => [name, this.schema(depth)])),
      required: own.filter(() => this.#random() < 0.6),
      additionalProperties: this.#random() < 0.8 ? false : this.leaf(),
      ...(this.#random() < 0.2 && { patternProperties: { "^x-": this.leaf() } }),
      maxProperties: own.length + this.#upTo(2),
    };
  }

  /** An integer from 0 to `last`. */
  #upTo(last: number): number {
    return Math.floor(this.#random() * (last + 1));
  }

  #one<Item>(items: readonly Item[]): Item {
    return items[this.#upTo(items.length - 1)]!;
  }
}
