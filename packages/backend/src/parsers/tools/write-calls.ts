import type { ConstraintSource } from "@infernode/inference/constraint";
import type { CallWriting, WrittenTool } from "./tool-format.ts";

/** White space that models may write between parts. */
export const lineBreak: ConstraintSource = { choice: ["\n", " "] };

/** A part or nothing. */
export function optional(source: ConstraintSource): ConstraintSource {
  return { repeat: source, min: 0, max: 1 };
}

/** `{"name": "look", "arguments": {…}}`, for one of the tools. */
export function writeJsonCall(
  { tools }: Pick<CallWriting, "tools">,
  argumentsKey: "arguments" | "parameters" = "arguments",
): ConstraintSource {
  return eachTool(tools, ({ name, arguments: source }) => [
    { literal: `{"name": ${JSON.stringify(name)}, "${argumentsKey}": ` },
    source,
    { literal: "}" },
  ]);
}

/** One of the tools. */
export function eachTool(
  tools: readonly WrittenTool[],
  write: (tool: WrittenTool) => readonly ConstraintSource[],
): ConstraintSource {
  return { anyOf: tools.map((tool) => ({ sequence: write(tool) })) };
}

/** One or several calls, each after the first behind a separator. */
export function separated(
  call: ConstraintSource,
  { separator, maxCalls }: { readonly separator: ConstraintSource; readonly maxCalls: number },
): ConstraintSource {
  if (maxCalls === 1) return call;
  return {
    sequence: [call, { repeat: { sequence: [separator, call] }, min: 0, max: maxCalls - 1 }],
  };
}

/**
 * A regular expression for what every JSON object has that is a call of one of some tools: the name, or an escape that
 * may be a part of it.
 */
export function namedCall(toolNames: readonly string[]): string {
  return String.raw`(?:"name"\s*:\s*"(?:${toolNames.join("|")})"|\\u)`;
}

/** `[call, call, …]` */
export function writeCallList({ tools, maxCalls }: CallWriting): ConstraintSource {
  const calls = separated(writeJsonCall({ tools }), { separator: { choice: [", ", ","] }, maxCalls });
  return { sequence: [{ literal: "[" }, calls, { literal: "]" }] };
}
