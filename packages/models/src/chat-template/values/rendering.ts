import type { Budget } from "./budget.ts";
import type { CallArguments } from "./call-arguments.ts";
import type { Comparer } from "./python-compare.ts";
import type { Value } from "./values.ts";

/** The rendering, for filters, tests and methods. */
export interface Rendering {
  readonly budget: Budget;
  readonly comparer: Comparer;
  /** The printed text of a value. */
  text(value: Value): string;
  /** `holder.name`: its method or attribute, else its item. */
  attribute(holder: Value, name: string): Value;
  /** `holder[key]`: its item, else its method or attribute. */
  item(holder: Value, key: Value): Value;
  filter(name: string, value: Value, args: CallArguments): Value;
  test(name: string, value: Value, args: CallArguments): boolean;
}
