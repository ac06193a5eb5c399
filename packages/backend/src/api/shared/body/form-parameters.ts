import type { UnsupportedParameter } from "./parse-body.ts";

/** Names of other servers for what the form of an answer is. */
const names = [
  "guided_json",
  "guided_regex",
  "guided_choice",
  "guided_grammar",
  "guided_decoding_backend",
  "guided_whitespace_pattern",
  "grammar",
  "json_schema",
  "format",
];

/**
 * Parameters that decide the form of an answer and are not those of this route: rejected by name, also where the
 * server is lenient.
 * @param others more names
 */
export function formParameters(
  hint: string | undefined,
  others: readonly string[] = [],
): readonly (readonly [string, UnsupportedParameter])[] {
  const parameter = hint === undefined ? {} : { hint };
  return [...names, ...others].map((name) => [name, parameter] as const);
}
