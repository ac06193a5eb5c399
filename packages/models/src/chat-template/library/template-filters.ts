import { choiceFilters } from "./choice-filters.ts";
import type { Filter } from "./filter-support.ts";
import { listFilters } from "./list-filters.ts";
import { textFilters } from "./text-filters.ts";
import { valueFilters } from "./value-filters.ts";

/** The filters of Jinja, with `tojson` as `transformers` has it. `pprint`, `random`, `urlize` and `wordwrap` are missing. */
export const templateFilters: ReadonlyMap<string, Filter> = new Map([
  ...textFilters,
  ...listFilters,
  ...choiceFilters,
  ...valueFilters,
]);
