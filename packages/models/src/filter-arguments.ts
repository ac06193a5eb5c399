import type { JinjaValue } from "./jinja-library.ts";
import { isTrue } from "./python-values.ts";

/** What a filter, a method or a test is called with, by place or by name. */
export class FilterArguments {
  readonly positional: readonly JinjaValue[];
  readonly named: ReadonlyMap<string, JinjaValue>;

  constructor(positional: readonly JinjaValue[] = [], named: ReadonlyMap<string, JinjaValue> = new Map()) {
    this.positional = positional;
    this.named = named;
  }

  /** The argument at a place or of a name; `undefined` when it is neither. */
  get(index: number, name: string): JinjaValue | undefined {
    return this.positional[index] ?? this.named.get(name);
  }

  flag(index: number, name: string): boolean {
    const value = this.get(index, name);
    return value !== undefined && isTrue(value);
  }

  /** A whole number, or the fallback where there is none. */
  integer(index: number, name: string, fallback: number): number {
    const value = this.get(index, name)?.value;
    return typeof value === "number" && Number.isInteger(value) ? value : fallback;
  }

  text(index: number, name: string, fallback: string): string {
    const value = this.get(index, name)?.value;
    return typeof value === "string" ? value : fallback;
  }

  /** The arguments from a place on. */
  from(index: number): FilterArguments {
    return new FilterArguments(this.positional.slice(index), this.named);
  }
}
