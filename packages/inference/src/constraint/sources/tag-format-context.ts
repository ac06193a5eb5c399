import type { JsonValue } from "../json-schema/schema/json-value.ts";
import type { ConstraintSource } from "./constraint-source.ts";
import type { JsonWhitespace } from "../json-schema/compile-json-schema.ts";

/** Where a format stands. */
export interface FormatContext {
  /** Its name in errors: `format.elements[0]`. */
  readonly place: string;
  /** The ends of the tag that it is the last content of: free text does not contain them. */
  readonly ends: readonly string[];
  readonly whitespace: JsonWhitespace;
  /** Reads a format within. */
  readonly read: (value: JsonValue | undefined, context: FormatContext) => ConstraintSource;
}
