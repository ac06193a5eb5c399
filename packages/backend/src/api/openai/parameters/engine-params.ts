import type { SamplingParams, StopParams } from "@infernode/inference";
import type { ServedModel } from "../../../models/model-service.ts";
import { invalidRequest } from "../../shared/api-error.ts";
import { describeValue, shortName } from "../../../text/describe-value.ts";
import type { JsonMap } from "../../shared/body/fields.ts";
import type { SamplingBody } from "./sampling-fields.ts";

/** What a body's parameters are to the engine. */
export interface EngineParams {
  readonly sampling: Partial<SamplingParams>;
  readonly stopping: Partial<StopParams>;
  /** The client did not say how long: less is made where the context has no room for as much. */
  readonly isMaxTokensDefault: boolean;
  readonly n: number;
  readonly skipSpecialTokens: boolean;
}

export interface EngineParamsOptions {
  readonly model: ServedModel;
  /** Answers that one request may ask for. */
  readonly maxChoices: number;
  readonly promptCount: number;
  /** Where neither the client nor the checkpoint says. */
  readonly defaultMaxTokens: number | undefined;
}

type Defined<T> = { readonly [Name in keyof T]?: Exclude<T[Name], undefined> };

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function readLogitBias(bias: JsonMap, vocabSize: number): ReadonlyMap<number, number> {
  const byToken = new Map<number, number>();
  for (const [key, value] of Object.entries(bias)) {
    // One way to write each: of two spellings of one id, neither could count.
    const tokenId = /^(?:0|[1-9]\d{0,8})$/.test(key) ? Number(key) : -1;
    if (tokenId < 0 || tokenId >= vocabSize) {
      throw invalidRequest(
        `Invalid value for \`logit_bias\`: expected token ids from 0 to ${vocabSize - 1} as keys; found ${describeValue(key)}`,
        { param: "logit_bias" },
      );
    }
    if (typeof value !== "number" || !(Math.abs(value) <= 100)) {
      const param = `logit_bias.${shortName(key)}`;
      throw invalidRequest(
        `Invalid value for \`${param}\`: expected a number from -100 to 100; found ${describeValue(value)}`,
        { param },
      );
    }
    byToken.set(tokenId, value);
  }
  return byToken;
}

function readMaxTokens(body: SamplingBody): number | undefined {
  const { max_tokens: older, max_completion_tokens: newer } = body;
  if (older !== undefined && newer !== undefined && older !== newer) {
    throw invalidRequest(
      `\`max_tokens\` and \`max_completion_tokens\` are names of one limit; found ${older} and ${newer}`,
      { param: "max_completion_tokens" },
    );
  }
  return newer ?? older;
}

function assertAgreement(body: SamplingBody, options: EngineParamsOptions): void {
  const { n = 1, best_of: bestOf = n, stream = false } = body;
  const { maxChoices, promptCount } = options;
  const { vocabSize = Number.POSITIVE_INFINITY } = options.model;
  if (n * promptCount > maxChoices) {
    const found = promptCount === 1 ? `${n}` : `${n} for each of ${promptCount} prompts`;
    throw invalidRequest(
      `Invalid value for \`n\`: expected at most ${maxChoices} answers in one request; found ${found}`,
      { param: "n" },
    );
  }
  if (bestOf !== n) {
    throw invalidRequest(
      `Invalid value for \`best_of\`: only as many as \`n\` are supported (${n}); found ${bestOf}`,
      {
        code: "unsupported_parameter",
        param: "best_of",
      },
    );
  }
  if (body.stream_options !== undefined && !stream) {
    throw invalidRequest("Invalid value for `stream_options`: only allowed with `stream: true`", {
      param: "stream_options",
    });
  }
  const wrongTokenId = body.stop_token_ids?.findIndex((tokenId) => tokenId >= vocabSize) ?? -1;
  if (wrongTokenId >= 0) {
    const param = `stop_token_ids[${wrongTokenId}]`;
    throw invalidRequest(
      `Invalid value for \`${param}\`: expected a token id from 0 to ${vocabSize - 1}; found ${body.stop_token_ids?.[wrongTokenId]}`,
      { param },
    );
  }
}

/**
 * Makes the engine's parameters of a body. What the client leaves out is taken from the checkpoint's
 * `generation_config.json`, else from the engine.
 * @throws ApiError 400
 */
export function toEngineParams(body: SamplingBody, options: EngineParamsOptions): EngineParams {
  assertAgreement(body, options);
  const { generationDefaults: defaults, vocabSize = Number.POSITIVE_INFINITY } = options.model;
  const asked = readMaxTokens(body);
  const maxTokens = asked ?? options.defaultMaxTokens;
  if (body.min_tokens !== undefined && maxTokens !== undefined && body.min_tokens > maxTokens) {
    throw invalidRequest(
      `Invalid value for \`min_tokens\`: expected at most \`max_tokens\` (${maxTokens}); found ${body.min_tokens}`,
      { param: "min_tokens" },
    );
  }
  const topK = body.top_k ?? defaults.topK;
  return {
    sampling: defined({
      temperature: body.temperature ?? defaults.temperature,
      topP: body.top_p ?? defaults.topP,
      topK: topK === undefined ? undefined : Math.max(topK, 0),
      minP: body.min_p ?? defaults.minP,
      presencePenalty: body.presence_penalty,
      frequencyPenalty: body.frequency_penalty,
      repetitionPenalty: body.repetition_penalty ?? defaults.repetitionPenalty,
      logitBias: body.logit_bias === undefined ? undefined : readLogitBias(body.logit_bias, vocabSize),
      seed: body.seed,
    }),
    stopping: defined({
      maxTokens,
      minTokens: body.min_tokens,
      stop: typeof body.stop === "string" ? [body.stop] : body.stop,
      stopTokenIds: body.stop_token_ids,
      ignoreEos: body.ignore_eos,
      includeStopInOutput: body.include_stop_str_in_output,
    }),
    isMaxTokensDefault: asked === undefined,
    n: body.n ?? 1,
    skipSpecialTokens: body.skip_special_tokens ?? true,
  };
}
