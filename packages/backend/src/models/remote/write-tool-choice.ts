import type { AnswerParts } from "../../operations/open-answers.ts";
import type { Dialect } from "./dialect.ts";

/**
 * The value of `tool_choice` for calls that are enforced; `undefined` if the server does not enforce them.
 * @param toolsJson all tools that the server is given
 */
export function writeToolChoice(
  { tools = [], enforced, maxCalls }: AnswerParts,
  { dialect, toolsJson }: { readonly dialect: Dialect; readonly toolsJson: string },
): unknown {
  const named = tools.map(({ name }) => ({ type: "function", function: { name } }));
  const [only] = named;
  const mode = enforced?.isRequired === true ? "required" : "auto";
  if (dialect.name === "infernode") return { type: "allowed_tools", allowed_tools: { mode, tools: named } };
  // vLLM has `strict` without an effect, and no allowed tools.
  if (dialect.name !== "vllm" || mode === "auto") return undefined;
  if (named.length === 1 && maxCalls === 1) return only;
  const isAll = (JSON.parse(toolsJson) as readonly unknown[]).length === named.length;
  return isAll ? "required" : undefined;
}
