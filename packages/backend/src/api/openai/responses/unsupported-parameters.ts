import { emptyArray, oneOf } from "../parameters/unsupported-parameters.ts";
import { formParameters } from "../../shared/body/form-parameters.ts";
import type { UnsupportedParameter } from "../../shared/body/parse-body.ts";

/** Those of `/v1/responses`. */
export const unsupportedResponsesParameters: ReadonlyMap<string, UnsupportedParameter> = new Map<
  string,
  UnsupportedParameter
>([
  ["prompt", { hint: "templates of prompts are not stored; send input and instructions" }],
  ["max_tool_calls", { hint: "the server runs no tools itself" }],
  ["top_logprobs", { neutral: oneOf(0), hint: "use /v1/chat/completions" }],
  ["context_management", { neutral: emptyArray }],
  ["prompt_cache_retention", { neutral: oneOf("in_memory", "in-memory") }],
  ["moderation", {}],
  ...formParameters("use text.format", ["structured_outputs", "functions"]),
  ["max_tokens", { hint: "use max_output_tokens" }],
  ["max_completion_tokens", { hint: "use max_output_tokens" }],
  ["messages", { hint: "use input" }],
  ["response_format", { hint: "use text.format" }],
  ["reasoning_effort", { hint: "use reasoning.effort" }],
]);
