import type { Value } from "../values/values.ts";

/** A scope of variables; names that it lacks are looked up in the outer scope. */
export class Scope {
  readonly #outer: Scope | undefined;
  readonly #values: Map<string, Value> = new Map();

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  get(name: string): Value | undefined {
    // oxlint-disable-next-line typescript/no-this-alias -- the way outwards
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.#outer) {
      const value = scope.#values.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}
