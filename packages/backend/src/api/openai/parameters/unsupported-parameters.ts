import { formParameters } from "../../shared/body/form-parameters.ts";
import type { NeutralValue, UnsupportedParameter } from "../../shared/body/parse-body.ts";

export const oneOf = (...values: readonly (string | number | boolean)[]): NeutralValue => ({
  accepts: (value) => (values as readonly unknown[]).includes(value),
  schema: { enum: values },
});
export const emptyArray: NeutralValue = {
  accepts: (value) => Array.isArray(value) && value.length === 0,
  schema: { type: "array", maxItems: 0 },
};
const textOnly: NeutralValue = {
  accepts: (value) => Array.isArray(value) && value.length === 1 && value[0] === "text",
  schema: { type: "array", items: { const: "text" }, minItems: 1, maxItems: 1 },
};
const flag: NeutralValue = {
  accepts: (value) => typeof value === "boolean",
  schema: { type: "boolean" },
};

const sampler: UnsupportedParameter = { isIgnorable: true };

const common: readonly (readonly [string, UnsupportedParameter])[] = [
  ...formParameters("use response_format or structured_outputs"),
  ["use_beam_search", { neutral: oneOf(false) }],
  ["length_penalty", { neutral: oneOf(1) }],
  ["early_stopping", { neutral: oneOf(false) }],
  ["spaces_between_special_tokens", { neutral: oneOf(true) }],
  ["return_tokens_as_token_ids", { neutral: oneOf(false) }],
  ["request_id", { hint: "send the header x-request-id" }],
  ["kv_transfer_params", {}],
  ["vllm_xargs", {}],
  ["logits_processors", { neutral: emptyArray }],
  ["typical_p", sampler],
  ["tfs_z", sampler],
  ["mirostat", { ...sampler, neutral: oneOf(0) }],
  ["mirostat_tau", sampler],
  ["mirostat_eta", sampler],
  ["dynatemp_range", sampler],
  ["dynatemp_exponent", sampler],
  ["dry_multiplier", sampler],
  ["dry_base", sampler],
  ["dry_allowed_length", sampler],
  ["dry_penalty_last_n", sampler],
  ["dry_sequence_breakers", sampler],
  ["xtc_probability", sampler],
  ["xtc_threshold", sampler],
  ["repeat_penalty", { hint: "use repetition_penalty" }],
  ["repeat_last_n", sampler],
  ["samplers", sampler],
  ["n_probs", { hint: "use logprobs" }],
  ["n_predict", { hint: "use max_tokens" }],
  ["num_predict", { hint: "use max_tokens" }],
  ["id_slot", {}],
  ["cache_prompt", { neutral: flag }],
  ["lora", {}],
  ["options", { hint: "send sampling parameters at the top level" }],
  ["keep_alive", {}],
  ["raw", {}],
];

const chat: readonly (readonly [string, UnsupportedParameter])[] = [
  ["functions", { neutral: emptyArray, hint: "use tools" }],
  ["function_call", { neutral: oneOf("none", "auto"), hint: "use tool_choice" }],
  ["think", { neutral: oneOf(false) }],
  ["verbosity", { neutral: oneOf("medium") }],
  ["modalities", { neutral: textOnly, hint: 'only ["text"] is supported' }],
  ["audio", {}],
  ["web_search_options", {}],
  ["moderation", {}],
  ["prompt_cache_retention", { neutral: oneOf("in_memory", "in-memory") }],
  ["echo", { neutral: oneOf(false) }],
  ["documents", { neutral: emptyArray }],
  ["chat_template", { hint: "the checkpoint's own template is used" }],
  ["add_special_tokens", { neutral: oneOf(false), hint: "the chat template writes the special tokens" }],
  ["mm_processor_kwargs", {}],
];

const completion: readonly (readonly [string, UnsupportedParameter])[] = [
  ["suffix", { neutral: oneOf(""), hint: "text is only generated after the prompt" }],
  ["prompt_embeds", {}],
];

type UnsupportedParameters = ReadonlyMap<string, UnsupportedParameter>;

/** Those of `/v1/chat/completions`. */
export const unsupportedChatParameters: UnsupportedParameters = new Map([...common, ...chat]);
/** Those of `/v1/completions`. */
export const unsupportedCompletionParameters: UnsupportedParameters = new Map([...common, ...completion]);
