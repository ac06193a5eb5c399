import { hasAtMost, requestLimits } from "@infernode/inference/limits";
import { z } from "zod";
import {
  arrayField,
  flagField,
  integerField,
  mapField,
  numberField,
  objectField,
  textField,
  tokenIdField,
  type FieldsOf,
} from "../../shared/body/fields.ts";
import { stopField, stopsField } from "../../shared/body/stop-field.ts";
import type { JsonMap } from "../../shared/json-schema.ts";
import { structuredFields, type StructuredBody } from "./structured-output.ts";

const { maxAnswers, maxBannedSequences, maxLogitBias, maxSeed, maxStopStrings, minSeed } = requestLimits;
const maxStopTokenIds = 256;
const maxAllowedTokenIds = 2 ** 20;
/** Each becomes up to two sequences of tokens. */
const maxBadWords = maxBannedSequences / 2;
const maxBadWordCharacters = 64;

function isSeed(value: unknown): value is number | bigint {
  if (typeof value === "bigint") return value >= minSeed && value <= maxSeed;
  return typeof value === "number" && Number.isInteger(value) && isSeed(BigInt(value));
}

/** An integer of up to 64 bits; one that a double would round comes as a `bigint` (`ExactFields`). */
const seed: z.ZodType<number | bigint> = z
  .unknown()
  .refine(isSeed, { error: `an integer from ${minSeed} to ${maxSeed}` })
  // Bounds as text, since numbers in zod's JSON Schemas are doubles; the document writes all of their digits.
  .meta({
    description: "The same seed gives the same text. Default: random.",
    type: "integer",
    minimum: `${minSeed}`,
    maximum: `${maxSeed}`,
  });

const truncateForm = "-1, or an integer of at least 1";

const badWord = z
  .string({ error: "a string" })
  .refine((text) => text.trim() !== "" && hasAtMost(text, maxBadWordCharacters), {
    error: `a word of 1 to ${maxBadWordCharacters} characters`,
  })
  .meta({ minLength: 1, maxLength: maxBadWordCharacters });

export interface StreamOptions {
  readonly include_usage?: boolean | undefined;
  readonly continuous_usage_stats?: boolean | undefined;
  readonly include_obfuscation?: false | undefined;
}

/** The parameters that chat completions and completions have in common. */
export interface SamplingBody extends StructuredBody {
  readonly model: string;
  readonly temperature: number | undefined;
  readonly top_p: number | undefined;
  readonly top_k: number | undefined;
  readonly min_p: number | undefined;
  readonly seed: number | bigint | undefined;
  readonly presence_penalty: number | undefined;
  readonly frequency_penalty: number | undefined;
  readonly repetition_penalty: number | undefined;
  readonly logit_bias: JsonMap | undefined;
  readonly return_token_ids: boolean | undefined;
  readonly prompt_logprobs: number | undefined;
  readonly truncate_prompt_tokens: number | undefined;
  readonly allowed_token_ids: readonly number[] | undefined;
  readonly bad_words: readonly string[] | undefined;
  readonly stop: string | readonly string[] | undefined;
  readonly stop_token_ids: readonly number[] | undefined;
  readonly include_stop_str_in_output: boolean | undefined;
  readonly ignore_eos: boolean | undefined;
  readonly max_tokens: number | undefined;
  readonly max_completion_tokens: number | undefined;
  readonly min_tokens: number | undefined;
  readonly skip_special_tokens: boolean | undefined;
  readonly n: number | undefined;
  readonly best_of: number | undefined;
  readonly stream: boolean | undefined;
  readonly stream_options: StreamOptions | undefined;
  readonly user: string | undefined;
  readonly safety_identifier: string | undefined;
  readonly prompt_cache_key: string | undefined;
  readonly prompt_cache_options: JsonMap | undefined;
  readonly cache_salt: string | undefined;
  readonly metadata: JsonMap | undefined;
  readonly store: false | undefined;
  readonly service_tier: "auto" | "default" | undefined;
  readonly priority: number | undefined;
}

/** Those that a request has. */
export type SamplingParameters = Partial<SamplingBody>;

/** `stream_options` needs a stream. */
export const streamCondition: JsonMap = {
  anyOf: [
    { properties: { stream_options: { type: "null" } } },
    { properties: { stream: { const: true } }, required: ["stream"] },
  ],
};

/** How these parameters are checked. */
export const samplingFields: FieldsOf<SamplingBody> = {
  ...structuredFields,
  model: textField("The id or an alias of a model, as `GET /v1/models` lists them."),
  temperature: numberField(
    { min: 0, max: 2 },
    "0 takes the most likely token. Default: the checkpoint's, else 1.",
  ).optional(),
  top_p: numberField(
    { min: 0, max: 1, isMinExcluded: true },
    "Samples from the most likely tokens that make up this share of the probability. Default: the checkpoint's, else 1.",
  ).optional(),
  top_k: integerField(
    { min: -1, max: 2 ** 31 - 1 },
    "Samples from this many of the most likely tokens; 0 and -1 turn it off. Default: the checkpoint's, else off.",
  ).optional(),
  min_p: numberField(
    { min: 0, max: 1 },
    "Drops tokens less likely than this share of the most likely one. Default: the checkpoint's, else 0.",
  ).optional(),
  seed: seed.optional(),
  presence_penalty: numberField(
    { min: -2, max: 2 },
    "Above 0 makes tokens that were already generated less likely. Default 0.",
  ).optional(),
  frequency_penalty: numberField(
    { min: -2, max: 2 },
    "As the presence penalty, for each time a token was generated. Default 0.",
  ).optional(),
  repetition_penalty: numberField(
    { min: 0.01, max: 100 },
    "Above 1 makes tokens of the prompt and the answer less likely. Default: the checkpoint's, else 1.",
  ).optional(),
  logit_bias: mapField(
    {
      values: { type: "number", minimum: -maxLogitBias, maximum: maxLogitBias },
      names: { pattern: "^(0|[1-9][0-9]{0,8})$" },
    },
    `Token ids as strings, and the values that are added to their logits, from ${-maxLogitBias} to ${maxLogitBias}.`,
  ).optional(),
  prompt_logprobs: integerField(
    { min: 0, max: requestLimits.maxLogprobs },
    "Reports the log-probability of each token of the prompt and of this many alternatives, as vLLM does; not with `stream`.",
  ).optional(),
  return_token_ids: flagField(
    "Adds the ids of the tokens of prompt and answer: `prompt_token_ids`, `token_ids`. Default false.",
  ).optional(),
  truncate_prompt_tokens: z
    .int({ error: truncateForm })
    .gte(-1, { error: truncateForm })
    .lte(Number.MAX_SAFE_INTEGER, { error: truncateForm })
    .refine((count) => count !== 0, { error: truncateForm })
    .meta({ not: { const: 0 } })
    .describe(
      "Keeps this many tokens at the end of the prompt; -1 as many as leave room for the answer. Tokens that were cut off are counted in the header `x-infernode-truncated-prompt-tokens`. Default: a prompt that is too long is rejected.",
    )
    .optional(),
  allowed_token_ids: arrayField(tokenIdField(), { min: 1, max: maxAllowedTokenIds, of: "token ids" })
    .describe(
      "The only tokens that are generated. An end-of-sequence token that is not among them does not end the answer.",
    )
    .optional(),
  bad_words: arrayField(badWord, { max: maxBadWords, of: "strings" })
    .describe("Words that the answer does not have.")
    .optional(),
  stop: z
    .union([stopField, stopsField], {
      error: `a string, or an array of at most ${maxStopStrings} strings`,
    })
    .describe("Texts that end the answer; they are not part of it.")
    .optional(),
  stop_token_ids: arrayField(tokenIdField(), {
    max: maxStopTokenIds,
    of: "token ids",
  })
    .describe("Tokens that end the answer.")
    .optional(),
  include_stop_str_in_output: flagField("Keeps the stop string in the answer. Default false.").optional(),
  ignore_eos: flagField("Continues after the end-of-sequence token. Default false.").optional(),
  max_tokens: integerField(
    { min: 1 },
    "Longest answer, in tokens. Default: 16 for completions; for chats the checkpoint's, else the rest of the context.",
  ).optional(),
  max_completion_tokens: integerField({ min: 1 }, "The newer name of `max_tokens`.").optional(),
  min_tokens: integerField(
    { min: 0 },
    "The answer does not end before it has this many tokens. Default 0.",
  ).optional(),
  skip_special_tokens: flagField("Leaves special tokens out of the text. Default true.").optional(),
  n: integerField(
    { min: 1, max: maxAnswers },
    `Number of answers to each prompt; at most ${maxAnswers} in one request. Default 1.`,
  ).optional(),
  best_of: integerField({ min: 1, max: maxAnswers }, "Supported only if it equals `n`.").optional(),
  stream: flagField(
    "Sends the answer as server-sent events while it is generated. Default false.",
  ).optional(),
  stream_options: objectField<StreamOptions>({
    include_usage: flagField("Sends a last chunk with the usage.").optional(),
    continuous_usage_stats: flagField("Sends the usage so far with every chunk.").optional(),
    include_obfuscation: z.literal(false, { error: "false: obfuscation is not supported" }).optional(),
  })
    .describe("Only with `stream: true`.")
    .optional(),
  user: textField("Has no effect.").optional(),
  safety_identifier: textField("Has no effect.").optional(),
  prompt_cache_key: textField("Has no effect.").optional(),
  prompt_cache_options: mapField({}, "Has no effect.").optional(),
  cache_salt: textField("Has no effect: prompts are not shared between requests.").optional(),
  metadata: mapField({}, "Has no effect.").optional(),
  store: z.literal(false, { error: "false: answers are not stored" }).describe("Must be false.").optional(),
  service_tier: z
    .enum(["auto", "default"], { error: '"auto" or "default"' })
    .describe("There is one tier only.")
    .optional(),
  priority: integerField(
    { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER },
    "Has no effect: requests are served in the order in which they arrive.",
  ).optional(),
};
