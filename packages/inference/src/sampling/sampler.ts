import { adjustLogits } from "./adjust-logits.ts";

import type { Candidates } from "./candidates.ts";
import { type InferenceError, nonFiniteLogits } from "../errors.ts";
import { exponentFloorOf } from "./exponent-floor.ts";
import { createSamplerScratch, type SamplerScratch } from "./sampler-scratch.ts";
import { maskLogits } from "./mask-logits.ts";
import type { MemoryPort } from "../ports.ts";
import type { SamplingState } from "./sampling-state.ts";
import { expNegative } from "./exp-negative.ts";
import { selectNucleus } from "./select-nucleus.ts";
import { selectTop } from "./select-top.ts";

/** A token and its log-probability, with those of the likeliest tokens. */
export interface SampledToken {
  readonly tokenId: number;
  /** Natural logarithm, from the model's own logits. */
  readonly logprob: number;
  /** Among all tokens, from 1; of equally likely ones the last. */
  readonly rank: number;
  /** The likeliest in order: the ranks are 1, 2, … */
  readonly top: readonly { readonly tokenId: number; readonly logprob: number }[];
}

/** Samples tokens from logits. One per engine: its scratch memory is shared by all sequences. */
export interface Sampler extends Disposable {
  /**
   * Samples the next token and updates the state. Writes to `row`, `(vocabSize)`.
   *
   * A token that the constraint forces is taken as it is. Else masks, adjustments (`adjustLogits`), then temperature, min-p, top-k, top-p, in vLLM's order.
   * @throws InferenceError `EXECUTOR_FAILED` for NaN or infinite logits, `CONSTRAINT_DEAD_END`
   */
  sample(row: Float32Array, state: SamplingState): number;
  /** Does the same, with log-probabilities of the sampled and of the `topCount` likeliest tokens. */
  sampleWithLogprobs(row: Float32Array, state: SamplingState, topCount: number): SampledToken;
  /** Computes log-probabilities of a given and of the `topCount` likeliest tokens; does not write to `row`. */
  logprobsOf(row: Float32Array, tokenId: number, topCount: number): SampledToken;
  dispose(): void;
}

/** Options of `createSampler`. */
export interface SamplerOptions {
  /** Length of a row. */
  readonly vocabSize: number;
  /** Ids from here on are never sampled: rows of the output head without a token. [vocabSize] */
  readonly tokenCount?: number;
  readonly memory: MemoryPort;
  /** For the memory's ledger. */
  readonly model: string;
}

/** Creates a sampler for rows of one length. */
export function createSampler(options: SamplerOptions): Sampler {
  const { vocabSize, tokenCount = vocabSize } = options;
  const scratch = createSamplerScratch(options);
  const sample = (row: Float32Array, state: SamplingState): number => {
    const bestOfModel = findBest(row);
    const { forcedTokenId } = state;
    if (forcedTokenId !== undefined) {
      state.accept(forcedTokenId);
      return forcedTokenId;
    }
    const tokens = tokenCount < row.length ? row.subarray(0, tokenCount) : row;
    const isGreedy = state.params.temperature === 0;
    // A greedy token that is allowed needs no mask, which is the usual case.
    const isMasked = state.isMasked && !(isGreedy && !state.changesLogits && state.allows(bestOfModel));
    if (isMasked) maskLogits(tokens, state, scratch.mask);
    if (state.changesLogits) adjustLogits(tokens, state);
    const isChanged = isMasked || state.changesLogits || bestOfModel >= tokenCount;
    const best = isChanged ? findBest(tokens) : bestOfModel;
    const tokenId = isGreedy ? best : draw(tokens, best, { state, scratch });
    state.accept(tokenId);
    return tokenId;
  };
  const logprobsOf = (row: Float32Array, tokenId: number, topCount: number): SampledToken => {
    const largest = row[findBest(row)]!;
    const logSum = largest + Math.log(sumOfExponentials(row, largest));
    selectTop(row, topCount, scratch.candidates);
    scratch.candidates.sort();
    const top = Array.from({ length: scratch.candidates.count }, (_, at) => ({
      tokenId: scratch.candidates.ids[at]!,
      logprob: scratch.candidates.weights[at]! - logSum,
    }));
    return { tokenId, logprob: row[tokenId]! - logSum, rank: rankOf(row, row[tokenId]!), top };
  };
  return {
    sample,
    sampleWithLogprobs: (row, state, topCount) => {
      const raw = scratch.rawLogits;
      raw.set(row);
      const tokenId = sample(row, state);
      return logprobsOf(raw, tokenId, topCount);
    },
    logprobsOf,
    dispose: () => scratch.dispose(),
    [Symbol.dispose]: () => scratch.dispose(),
  };
}

/** Returns the index of the largest entry, of equal ones the lowest. NaN fails every comparison, so it is found here. */
function findBest(row: Float32Array): number {
  let best = -1;
  let bestLogit = -Infinity;
  for (let id = 0; id < row.length; id += 1) {
    const logit = row[id]!;
    if (!(logit <= bestLogit)) {
      if (Number.isNaN(logit)) throw nonFiniteRow(row);
      best = id;
      bestLogit = logit;
    }
  }
  if (best < 0 || bestLogit === Infinity) throw nonFiniteRow(row);
  return best;
}

function nonFiniteRow(row: Float32Array): InferenceError {
  let nanCount = 0;
  let infiniteCount = 0;
  for (const logit of row) {
    if (Number.isNaN(logit)) nanCount += 1;
    else if (logit === Infinity) infiniteCount += 1;
  }
  return nonFiniteLogits({ logitCount: row.length, nanCount, infiniteCount });
}

/** Applies temperature and filters, then draws once, through the candidates by their ids, as executors that sample do. */
function draw(
  row: Float32Array,
  best: number,
  context: { readonly state: SamplingState; readonly scratch: SamplerScratch },
): number {
  const { temperature, topK, topP, minP } = context.state.params;
  const { candidates } = context.scratch;
  const largest = row[best]!;
  const scale = { largest, temperature, floor: largest + temperature * exponentFloorOf(minP) };
  const isTopK = topK > 0 && topK < row.length;
  if (isTopK) {
    selectTop(row, topK, candidates);
    weighCandidates(candidates, scale);
  } else {
    weighRow(row, candidates, scale);
  }
  if (topP < 1) selectNucleus(candidates, topP);
  if (isTopK || topP < 1) orderById(row, candidates, scale);
  return drawOne(candidates, context.state.random.nextUniform());
}

interface Scale {
  readonly largest: number;
  readonly temperature: number;
  /** Logits below it have no weight. */
  readonly floor: number;
}

// Long loops have functions of their own: code that V8 compiles during a loop is discarded after it (deoptimised),
// and compiled again at the next call.

function weighRow(row: Float32Array, into: Candidates, { largest, temperature, floor }: Scale): void {
  const { ids, weights } = into;
  let count = 0;
  for (let id = 0; id < row.length; id += 1) {
    const logit = row[id]!;
    if (!(logit >= floor)) continue;
    ids[count] = id;
    weights[count] = expNegative((logit - largest) / temperature);
    count += 1;
  }
  into.count = count;
}

function weighCandidates(candidates: Candidates, { largest, temperature, floor }: Scale): void {
  const { count } = candidates;
  candidates.count = 0;
  for (let at = 0; at < count; at += 1) {
    const logit = candidates.weights[at]!;
    if (logit >= floor) candidates.add(candidates.ids[at]!, expNegative((logit - largest) / temperature));
  }
}

/** Undoes the order that selections leave. */
function orderById(
  row: Float32Array,
  { ids, weights, count }: Candidates,
  { largest, temperature }: Scale,
): void {
  ids.subarray(0, count).sort();
  for (let at = 0; at < count; at += 1) weights[at] = expNegative((row[ids[at]!]! - largest) / temperature);
}

function drawOne(candidates: Candidates, uniform: number): number {
  const target = uniform * candidates.total();
  let sum = 0;
  for (let at = 0; at < candidates.count; at += 1) {
    sum += candidates.weights[at]!;
    if (sum > target) return candidates.ids[at]!;
  }
  return candidates.ids[candidates.count - 1]!;
}

/** Counts the entries that are not below a logit. */
function rankOf(row: Float32Array, logit: number): number {
  let rank = 0;
  for (let id = 0; id < row.length; id += 1) if (row[id]! >= logit) rank += 1;
  return rank;
}

/** Sums exp(entry − largest) over a row. */
function sumOfExponentials(row: Float32Array, largest: number): number {
  let sum = 0;
  for (let id = 0; id < row.length; id += 1) sum += expNegative(row[id]! - largest);
  return sum;
}
