import type { Value } from "../values/values.ts";

/** Names that a part of a template has set; what it has not is looked for around it. */
export class Scope {
  readonly #around: Scope | undefined;
  readonly #values: Map<string, Value> = new Map();

  constructor(around?: Scope) {
    this.#around = around;
  }

  get(name: string): Value | undefined {
    // oxlint-disable-next-line typescript/no-this-alias -- the way outwards
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.#around) {
      const value = scope.#values.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}
