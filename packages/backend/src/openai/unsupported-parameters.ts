/**
 * Parameters that clients of other servers send and that would change the answer. Each is refused by name,
 * except with a value that asks for nothing.
 */
export interface UnsupportedParameter {
  /** Whether the value asks for nothing, so that leaving it out changes nothing. */
  readonly isNeutral?: (value: unknown) => boolean;
  /** What to do instead. */
  readonly hint?: string;
}

const isOneOf =
  (...values: readonly unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value);
const isEmptyArray = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const isTextFormat = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  "type" in value &&
  value.type === "text" &&
  Object.keys(value).length === 1;
const isTextOnly = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 1 && value[0] === "text";
const isFlag = (value: unknown): boolean => typeof value === "boolean";

const tools: UnsupportedParameter = { isNeutral: isEmptyArray };
const structured: UnsupportedParameter = {};
const sampler: UnsupportedParameter = {};

const common: readonly (readonly [string, UnsupportedParameter])[] = [
  ["response_format", { isNeutral: isTextFormat, hint: 'only {"type": "text"} is supported' }],
  ["structured_outputs", structured],
  ["guided_json", structured],
  ["guided_regex", structured],
  ["guided_choice", structured],
  ["guided_grammar", structured],
  ["guided_decoding_backend", structured],
  ["guided_whitespace_pattern", structured],
  ["grammar", structured],
  ["json_schema", structured],
  ["use_beam_search", { isNeutral: isOneOf(false) }],
  ["length_penalty", { isNeutral: isOneOf(1) }],
  ["early_stopping", { isNeutral: isOneOf(false) }],
  ["prompt_logprobs", {}],
  ["truncate_prompt_tokens", { hint: "prompts are never truncated" }],
  ["allowed_token_ids", {}],
  ["bad_words", { isNeutral: isEmptyArray }],
  ["spaces_between_special_tokens", { isNeutral: isOneOf(true) }],
  ["return_token_ids", { isNeutral: isOneOf(false) }],
  ["return_tokens_as_token_ids", { isNeutral: isOneOf(false) }],
  ["request_id", { hint: "send the header x-request-id" }],
  ["kv_transfer_params", {}],
  ["vllm_xargs", {}],
  ["logits_processors", { isNeutral: isEmptyArray }],
  ["typical_p", sampler],
  ["tfs_z", sampler],
  ["mirostat", { isNeutral: isOneOf(0) }],
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
  ["cache_prompt", { isNeutral: isFlag }],
  ["lora", {}],
  ["options", { hint: "send sampling parameters at the top level" }],
  ["keep_alive", {}],
  ["format", { hint: "structured output is not supported" }],
  ["raw", {}],
];

const chat: readonly (readonly [string, UnsupportedParameter])[] = [
  ["tools", tools],
  ["tool_choice", { isNeutral: isOneOf("none", "auto") }],
  ["parallel_tool_calls", { isNeutral: isFlag }],
  ["functions", tools],
  ["function_call", { isNeutral: isOneOf("none", "auto") }],
  ["reasoning_effort", { isNeutral: isOneOf("none") }],
  ["include_reasoning", { isNeutral: isFlag }],
  ["think", { isNeutral: isOneOf(false) }],
  ["verbosity", { isNeutral: isOneOf("medium") }],
  ["modalities", { isNeutral: isTextOnly, hint: 'only ["text"] is supported' }],
  ["audio", {}],
  ["prediction", {}],
  ["web_search_options", {}],
  ["moderation", {}],
  ["prompt_cache_retention", { isNeutral: isOneOf("in_memory", "in-memory") }],
  ["echo", { isNeutral: isOneOf(false) }],
  ["documents", { isNeutral: isEmptyArray }],
  ["chat_template", { hint: "the checkpoint's own template is used" }],
  ["add_special_tokens", { isNeutral: isOneOf(false), hint: "the chat template writes the special tokens" }],
  ["mm_processor_kwargs", {}],
];

const completion: readonly (readonly [string, UnsupportedParameter])[] = [
  ["suffix", { isNeutral: isOneOf(""), hint: "text is only written after the prompt" }],
  ["prompt_embeds", {}],
];

/** Parameters that are known and refused, by name. */
export type UnsupportedParameters = ReadonlyMap<string, UnsupportedParameter>;

/** Those of `/v1/chat/completions`. */
export const unsupportedChatParameters: UnsupportedParameters = new Map([...common, ...chat]);
/** Those of `/v1/completions`. */
export const unsupportedCompletionParameters: UnsupportedParameters = new Map([...common, ...completion]);
