import { skipMark, skipSpace } from "../read-until.ts";
import type { Parsing } from "../text-cursor.ts";
import { maxHeaderCharacters, readJsonCall, type JsonCallRules } from "./read-json-call.ts";
import type { ToolParse } from "./tool-format.ts";

/** Reads `[call, call, …]`, each as `readJsonCall` does. Returns whether there was a call. */
export function* readCallList(parse: ToolParse, rules: JsonCallRules = {}): Parsing<boolean> {
  const { cursor, sink } = parse;
  const { prefix = "" } = rules;
  cursor.record(maxHeaderCharacters);
  yield* skipSpace(cursor);
  if (cursor.peek() !== "[") {
    sink.content(prefix + cursor.takeRecorded());
    return false;
  }
  cursor.skip(1);
  let before = prefix + cursor.takeRecorded();
  for (let hasCall = false; ; hasCall = true) {
    if (!(yield* readJsonCall(parse, { ...rules, prefix: before }))) return hasCall;
    before = (yield* skipMark(cursor, [",", "]"])) ?? "";
    if (!before.endsWith(",")) return true;
  }
}
