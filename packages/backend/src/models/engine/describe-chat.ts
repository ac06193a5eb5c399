import type { AnswerFormat } from "../../parsers/answer/answer-format.ts";
import type { ChatFeatures } from "../model-service.ts";

/** The expressions and statements of a Jinja template. */
const jinjaCode = /\{[{%][\s\S]*?[}%]\}/g;

/** Describes what a model's chat template and the parsers of its answers can do. */
export function describeChat(template: string, { tools, reasoning }: AnswerFormat): ChatFeatures {
  const code = (template.match(jinjaCode) ?? []).join("\n");
  const reads = (variable: string): boolean => new RegExp(String.raw`\b${variable}\b`).test(code);
  return {
    readsTools: reads("tools"),
    readsReasoningEffort: reads("reasoning_effort"),
    readsEnableThinking: reads("enable_thinking"),
    toolParser: tools?.name,
    reasoningParser: reasoning?.name,
  };
}
