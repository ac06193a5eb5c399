import type { CallArguments } from "../values/call-arguments.ts";
import { iterate, lengthOf } from "../values/iterate.ts";
import type { Rendering } from "../values/rendering.ts";
import { TemplateError } from "../values/template-error.ts";
import { Tuple, Undefined, valueOr, type PythonObject, type Value } from "../values/values.ts";

/** Renders the body of a recursive loop with other items, one level deeper. */
export type Recurse = (items: Value, depth: number) => string;

export interface LoopOptions {
  readonly rendering: Rendering;
  /** The number of recursive loops around it. */
  readonly depth: number;
  /** Absent where the loop is not recursive. */
  readonly recurse: Recurse | undefined;
}

/** The variable `loop`. Items are taken lazily, as in Jinja. */
export class LoopContext implements PythonObject {
  readonly typeName: string = "LoopContext";
  readonly #source: Value;
  readonly #options: LoopOptions;
  #items: Iterator<Value>;
  /** The next item if it was peeked at, in an array; `end` where there is none. */
  #ahead: readonly [Value] | "end" | undefined;
  #index = -1;
  #length: number | undefined;
  #current: Value | undefined;
  #before: Value | undefined;
  #changed: Value | undefined;

  /** @param source the value whose length `loop.length` is; the items come from `items` */
  constructor(source: Value, items: Iterable<Value>, options: LoopOptions) {
    this.#source = source;
    this.#items = items[Symbol.iterator]();
    this.#options = options;
  }

  /** Advances to the next item; `undefined` at the end. */
  next(): Value | undefined {
    const next = this.#peek();
    this.#ahead = next === "end" ? "end" : undefined;
    if (next === "end") return undefined;
    this.#index += 1;
    this.#before = this.#current;
    [this.#current] = next;
    return this.#current;
  }

  attribute(name: string): Value | undefined {
    switch (name) {
      case "index":
        return this.#index + 1;
      case "index0":
        return this.#index;
      case "revindex":
        return this.length() - this.#index;
      case "revindex0":
        return this.length() - this.#index - 1;
      case "first":
        return this.#index === 0;
      case "last":
        return this.#peek() === "end";
      case "length":
        return this.length();
      case "depth":
        return this.#options.depth + 1;
      case "depth0":
        return this.#options.depth;
      case "previtem":
        return valueOr(this.#before, new Undefined("there is no previous item"));
      case "nextitem":
        return this.#nextItem();
      case "cycle":
        return { typeName: "method", call: ({ positional }) => this.#cycle(positional) };
      case "changed":
        return { typeName: "method", call: ({ positional }) => this.#hasChanged(positional) };
      default:
        return undefined;
    }
  }

  length(): number {
    if (this.#length !== undefined) return this.#length;
    const known = lengthOf(this.#source);
    if (known !== undefined) {
      this.#length = known;
      return known;
    }
    const rest: Value[] = [];
    for (let next = this.#items.next(); next.done !== true; next = this.#items.next()) {
      this.#options.rendering.budget.step();
      rest.push(next.value);
    }
    this.#items = rest[Symbol.iterator]();
    this.#length = rest.length + this.#index + 1 + (Array.isArray(this.#ahead) ? 1 : 0);
    return this.#length;
  }

  print(): string {
    return `<LoopContext ${this.#index + 1}/${this.length()}>`;
  }

  call({ positional }: CallArguments): Value {
    const [items] = positional;
    const { recurse, depth } = this.#options;
    if (recurse === undefined) {
      throw new TemplateError("The loop must have the 'recursive' marker to be called recursively.");
    }
    if (items === undefined) throw new TemplateError("loop: expected an iterable, got nothing");
    iterate(items);
    return recurse(items, depth + 1);
  }

  #peek(): readonly [Value] | "end" {
    if (this.#ahead === undefined) {
      const next = this.#items.next();
      this.#ahead = next.done === true ? "end" : [next.value];
    }
    return this.#ahead;
  }

  #nextItem(): Value {
    const next = this.#peek();
    return next === "end" ? new Undefined("there is no next item") : next[0];
  }

  #cycle(values: readonly Value[]): Value {
    const value = values[this.#index % values.length];
    if (value === undefined) throw new TemplateError("no items for cycling given");
    return value;
  }

  #hasChanged(values: readonly Value[]): boolean {
    const tuple = new Tuple(values);
    const isSame =
      this.#changed !== undefined && this.#options.rendering.comparer.equals(this.#changed, tuple);
    this.#changed = tuple;
    return !isSame;
  }
}
