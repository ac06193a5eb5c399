import type { Budget } from "../../program/budget.ts";
import type { Conjunction } from "../schema/schema-document.ts";
import type { ObjectLayer } from "./shapes.ts";
import { acceptsPattern } from "./string-patterns.ts";

/** All that the layers of an object say about the property of one name. */
export function conjunctionForName(
  name: string,
  layers: readonly ObjectLayer[],
  budget: Budget,
): Conjunction {
  budget.spend(layers.length);
  return layers.flatMap(({ properties, patterns, additional }): Conjunction => {
    const declared = properties.get(name);
    const matched = patterns.filter(({ pattern }) => acceptsPattern(pattern, name, budget));
    if (declared === undefined && matched.length === 0) return additional;
    return [...(declared ?? []), ...matched.flatMap(({ value }) => value)];
  });
}
