import { describeToken } from "../text/token-logprob.ts";
import { Detokenizer } from "../text/detokenizer.ts";
import { GeneratedSequence } from "./generated-sequence.ts";
import type { TokenDecoderPort } from "../ports.ts";
import type { ResolvedRequest } from "./resolve-generation-request.ts";
import { SamplingState } from "../sampling/sampling-state.ts";
import type { ResolvedSpeculation } from "../speculation/resolve-speculation.ts";
import { SequenceSpeculation } from "../speculation/sequence-speculation.ts";
import { StopStrings } from "../text/stop-strings.ts";

/** What all sequences of an engine share. */
export interface SequenceContext {
  readonly tokenizer: TokenDecoderPort;
  readonly eosTokenIds: ReadonlySet<number>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Only sequences of one scope share cached tokens. */
  readonly cacheScope: number;
  readonly speculation: ResolvedSpeculation;
}

/** Creates the `n` sequences of a request. */
export function createSequences(request: ResolvedRequest, context: SequenceContext): GeneratedSequence[] {
  const { stopping, promptTokenIds } = request;
  const seed = request.sampling.seed ?? Math.floor(context.random() * 2 ** 53);
  const eosTokenIds: ReadonlySet<number> = stopping.ignoreEos ? new Set() : context.eosTokenIds;
  const stopTokenIds = new Set(stopping.stopTokenIds);
  const keptTokenIds = new Set(request.keptSpecialTokenIds);
  const suppressed = new Set([...eosTokenIds, ...stopTokenIds]);
  const stopStrings = stopping.stop.length > 0 ? new StopStrings(stopping.stop) : undefined;
  const speculate = createSpeculation(request, context.speculation);
  return Array.from(
    { length: request.n },
    (_, index) =>
      new GeneratedSequence({
        index,
        promptTokenIds,
        adapter: request.adapter,
        cacheScope: context.cacheScope,
        maxTokens: stopping.maxTokens,
        minTokens: stopping.minTokens,
        includeStopInOutput: stopping.includeStopInOutput,
        eosTokenIds,
        stopTokenIds,
        sampling: new SamplingState({
          params: { ...request.sampling, seed },
          promptTokenIds,
          index,
          stopTokenIds: suppressed,
          minTokens: stopping.minTokens,
          constraint: request.constraint?.start(),
        }),
        speculation: speculate?.(),
        detokenizer: new Detokenizer(context.tokenizer, {
          skipSpecialTokens: request.skipSpecialTokens,
          keptTokenIds,
          promptTokenIds,
        }),
        stopMatcher: stopStrings?.matcher({ includeStopInOutput: stopping.includeStopInOutput }),
        hasLogprobs: request.logprobs !== undefined,
        keepsAll: request.keepResult,
        describe: (sampled) => describeToken(context.tokenizer, sampled),
        hasPromptLogprobs: request.promptLogprobs !== undefined && index === 0,
      }),
  );
}

/** Returns a function that creates the speculation of an answer; `undefined` where nothing is proposed. */
function createSpeculation(
  { promptTokenIds, predictedTokenIds }: ResolvedRequest,
  { createProposer, createPredictionProposer, maxTokens }: ResolvedSpeculation,
): (() => SequenceSpeculation) | undefined {
  const create = predictedTokenIds === undefined ? createProposer : createPredictionProposer;
  if (create === undefined) return undefined;
  const source = create({ promptTokenIds, predictedTokenIds });
  return () => new SequenceSpeculation(source.start(), maxTokens);
}
