import type { Budget } from "./budget.ts";
import type { CallArguments } from "./call-arguments.ts";
import type { Comparer } from "./python-compare.ts";
import type { Value } from "./values.ts";

/** What filters, tests and methods have of the rendering that they are part of. */
export interface Rendering {
  readonly budget: Budget;
  readonly comparer: Comparer;
  /** What a value prints as. */
  text(value: Value): string;
  /** `holder.name`: its method or attribute, else its item. */
  attribute(holder: Value, name: string): Value;
  /** `holder[key]`: its item, else its method or attribute. */
  item(holder: Value, key: Value): Value;
  filter(name: string, value: Value, args: CallArguments): Value;
  test(name: string, value: Value, args: CallArguments): boolean;
}
