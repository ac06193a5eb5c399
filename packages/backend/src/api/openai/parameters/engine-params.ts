import type { SamplingParams, StopParams } from "@infernode/inference";
import type { ConstraintSource } from "@infernode/inference/constraint";
import type { ServedModel } from "../../../models/model-service.ts";
import { describeValue, shortName } from "../../../text/describe-value.ts";
import { ApiError, invalidValue } from "../../shared/api-error.ts";
import { assertTokenIds, isTokenId, tokenIdPhrase } from "../../shared/body/token-ids.ts";
import type { JsonMap } from "../../shared/json-schema.ts";
import { defined, toSampling } from "../../../conversation/sampling.ts";
import { readConstraint } from "./structured-output.ts";
import type { SamplingParameters } from "./sampling-fields.ts";

/** A body's parameters as the engine takes them. */
export interface EngineParams {
  readonly sampling: Partial<SamplingParams>;
  readonly stopping: Partial<StopParams>;
  readonly constraint?: ConstraintSource;
  readonly hasPromptTokenIds?: boolean;
  readonly truncatePromptTokens?: number;
  readonly badWords?: readonly string[];
  readonly n: number;
  readonly skipSpecialTokens: boolean;
  /** A whole answer is sent at its end: until then it can be generated again. */
  readonly canRestart: boolean;
}

export interface EngineParamsOptions {
  readonly model: ServedModel;
  /** Answers that one request may ask for. */
  readonly maxChoices: number;
  readonly promptCount: number;
  /** Where neither the client nor the checkpoint says. */
  readonly defaultMaxTokens: number | undefined;
}

/** What the engine's parameters are called in OpenAI's API, where they have another name. */
export const engineParamNames: Readonly<Record<string, string>> = {
  topP: "top_p",
  topK: "top_k",
  minP: "min_p",
  presencePenalty: "presence_penalty",
  frequencyPenalty: "frequency_penalty",
  repetitionPenalty: "repetition_penalty",
  logitBias: "logit_bias",
  allowedTokenIds: "allowed_token_ids",
  badWords: "bad_words",
  promptLogprobs: "prompt_logprobs",
  maxTokens: "max_tokens",
  minTokens: "min_tokens",
  stopTokenIds: "stop_token_ids",
  ignoreEos: "ignore_eos",
  includeStopInOutput: "include_stop_str_in_output",
  skipSpecialTokens: "skip_special_tokens",
  reasoningBudget: "thinking_token_budget",
  predictedTokenIds: "prediction",
};

function readLogitBias(bias: JsonMap, vocabSize: number | undefined): ReadonlyMap<number, number> {
  const byToken = new Map<number, number>();
  for (const [key, got] of Object.entries(bias)) {
    // Each id has one spelling, so that no key can contradict another.
    const tokenId = /^(?:0|[1-9]\d{0,8})$/.test(key) ? Number(key) : -1;
    if (!isTokenId(tokenId, vocabSize)) {
      throw invalidValue("logit_bias", `${tokenIdPhrase(vocabSize)} as key`, { got: key });
    }
    if (typeof got !== "number" || !(Math.abs(got) <= 100)) {
      throw invalidValue(`logit_bias.${shortName(key)}`, "a number from -100 to 100", { got });
    }
    byToken.set(tokenId, got);
  }
  return byToken;
}

/** The length that the client asked for. */
function readMaxTokens(body: SamplingParameters): number | undefined {
  const { max_tokens: older, max_completion_tokens: newer } = body;
  if (older !== undefined && newer !== undefined && older !== newer) {
    throw invalidValue("max_completion_tokens", `the same value as \`max_tokens\` (${older})`, {
      got: newer,
    });
  }
  return newer ?? older;
}

function assertAgreement(body: SamplingParameters, options: EngineParamsOptions): void {
  const { n = 1, best_of: bestOf = n, stream = false } = body;
  const { maxChoices, promptCount } = options;
  if (n * promptCount > maxChoices) {
    const got = promptCount === 1 ? `${n}` : `${n} for each of ${promptCount} prompts`;
    const message = `Invalid value for \`n\`: expected at most ${maxChoices} answers in one request, got ${got}`;
    throw new ApiError("invalid_value", message, { param: "n" });
  }
  if (bestOf !== n) {
    const message = `Unsupported parameter: expected \`best_of\` to equal \`n\` (${n}), got ${describeValue(bestOf)}`;
    throw new ApiError("unsupported_parameter", message, { param: "best_of" });
  }
  if (body.stream_options !== undefined && !stream) {
    throw invalidValue("stream_options", "nothing without `stream: true`", { got: body.stream_options });
  }
  if (body.prompt_logprobs !== undefined && stream) {
    throw invalidValue("prompt_logprobs", "nothing with `stream: true`", { got: body.prompt_logprobs });
  }
  for (const name of ["stop_token_ids", "allowed_token_ids"] as const) {
    assertTokenIds(body[name] ?? [], name, options.model.vocabSize);
  }
}

/** @throws ApiError 400 where the context is not known, as with some remote servers */
function readTruncation(
  { truncate_prompt_tokens: count }: SamplingParameters,
  { contextTokens }: ServedModel,
  maxTokens: number | undefined,
): number | undefined {
  if (count !== -1) return count;
  if (contextTokens === undefined) {
    throw invalidValue("truncate_prompt_tokens", "a count, as the context of the model is not known", {
      got: count,
    });
  }
  return Math.max(1, contextTokens - (maxTokens ?? 1));
}

/**
 * Converts a body to the engine's parameters. Defaults come from the checkpoint's `generation_config.json`, else from
 * the engine.
 * @throws ApiError 400
 */
export function toEngineParams(
  body: SamplingParameters,
  options: EngineParamsOptions,
): { readonly params: EngineParams; readonly isMaxTokensDefault: boolean } {
  assertAgreement(body, options);
  const { generationDefaults: defaults, vocabSize } = options.model;
  const requested = readMaxTokens(body);
  const maxTokens = requested ?? options.defaultMaxTokens;
  if (body.min_tokens !== undefined && maxTokens !== undefined && body.min_tokens > maxTokens) {
    throw invalidValue("min_tokens", `at most \`max_tokens\` (${maxTokens})`, { got: body.min_tokens });
  }
  const constraint = readConstraint(body);
  const truncatePromptTokens = readTruncation(body, options.model, maxTokens);
  const params: EngineParams = {
    sampling: toSampling(
      {
        temperature: body.temperature,
        topP: body.top_p,
        topK: body.top_k,
        minP: body.min_p,
        presencePenalty: body.presence_penalty,
        frequencyPenalty: body.frequency_penalty,
        repetitionPenalty: body.repetition_penalty,
        logitBias: body.logit_bias === undefined ? undefined : readLogitBias(body.logit_bias, vocabSize),
        allowedTokenIds: body.allowed_token_ids,
        seed: body.seed,
      },
      defaults,
    ),
    stopping: defined({
      maxTokens,
      minTokens: body.min_tokens,
      stop: typeof body.stop === "string" ? [body.stop] : body.stop,
      stopTokenIds: body.stop_token_ids,
      ignoreEos: body.ignore_eos,
      includeStopInOutput: body.include_stop_str_in_output,
    }),
    ...(body.return_token_ids === true && { hasPromptTokenIds: true }),
    ...(constraint !== undefined && { constraint: constraint.source }),
    ...(truncatePromptTokens !== undefined && { truncatePromptTokens }),
    ...(body.bad_words === undefined || body.bad_words.length === 0 ? {} : { badWords: body.bad_words }),
    n: body.n ?? 1,
    skipSpecialTokens: body.skip_special_tokens ?? true,
    canRestart: body.stream !== true,
  };
  return { params, isMaxTokensDefault: requested === undefined };
}
