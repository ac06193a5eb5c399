import { Budget } from "../values/budget.ts";
import type { CallArguments } from "../values/call-arguments.ts";
import { Dict } from "../values/dict.ts";
import { attributeOf, itemOf } from "./members.ts";
import { Comparer } from "../values/python-compare.ts";
import { pythonText } from "../values/python-text.ts";
import type { Rendering } from "../values/rendering.ts";
import { TemplateError } from "../values/template-error.ts";
import { templateFilters } from "../library/template-filters.ts";
import { findTest } from "../library/template-tests.ts";
import type { Value } from "../values/values.ts";

/** The state of one rendering. */
export class Runtime implements Rendering {
  readonly budget: Budget = new Budget();
  readonly comparer: Comparer = new Comparer(this.budget);
  /** The line of the current statement, call, filter or test. */
  line = 1;

  text(value: Value): string {
    return pythonText(value, this.budget);
  }

  attribute(holder: Value, name: string): Value {
    return attributeOf(holder, name, this);
  }

  item(holder: Value, key: Value): Value {
    return itemOf(holder, key, this);
  }

  filter(name: string, value: Value, args: CallArguments): Value {
    const run = templateFilters.get(name);
    if (run === undefined) throw new TemplateError(`No filter named '${name}'.`);
    if (typeof value === "string") this.budget.readText(value);
    return run(value, args, this);
  }

  test(name: string, value: Value, args: CallArguments): boolean {
    if (name === "filter" || name === "test") {
      return this.#knows(name, value);
    }
    const run = findTest(name);
    if (run === undefined) throw new TemplateError(`No test named '${name}'.`);
    return run(value, args, this);
  }

  /** Whether a filter or a test exists. */
  #knows(kind: "filter" | "test", name: Value): boolean {
    if (typeof name !== "string") return new Dict().has(name);
    if (kind === "filter") return templateFilters.has(name);
    return name === "filter" || name === "test" || findTest(name) !== undefined;
  }
}
