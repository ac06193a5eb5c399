import { adjustLogits } from "./adjust-logits.ts";
import type { Candidates } from "./candidates.ts";
import { InferenceError } from "../errors.ts";
import { createSamplerScratch, type SamplerScratch } from "./sampler-scratch.ts";
import type { MemoryPort } from "../ports.ts";
import type { SamplingState } from "./sampling-state.ts";
import { selectNucleus } from "./select-nucleus.ts";
import { selectTop } from "./select-top.ts";

/** exp(−50) · 2¹⁸ is below 2⁻⁵³, the finest that a uniform number can tell. */
const NEGLIGIBLE_EXPONENT = -50;

/** A token and how likely the model itself held it to be. */
export interface SampledToken {
  readonly tokenId: number;
  /** Natural logarithm, before any adjustment. */
  readonly logprob: number;
  readonly top: readonly { readonly tokenId: number; readonly logprob: number }[];
}

/** Chooses tokens from logits. One for an engine: its scratch memory is used for every sequence. */
export interface Sampler extends Disposable {
  /**
   * Chooses the next token and tells the state. Writes to `row`, `(vocabSize)`.
   *
   * Adjustments (`adjustLogits`), then temperature, min-p, top-k, top-p, as vLLM orders them.
   * @throws InferenceError `EXECUTOR_FAILED` for logits that are no numbers
   */
  sample(row: Float32Array, state: SamplingState): number;
  /** The same with the log-probabilities of the choice and of the `topCount` likeliest. */
  sampleWithLogprobs(row: Float32Array, state: SamplingState, topCount: number): SampledToken;
  dispose(): void;
}

export interface SamplerOptions {
  /** Length of a row. */
  readonly vocabSize: number;
  /** Ids from here on are never chosen: rows of the output head that no token belongs to. [vocabSize] */
  readonly choosableCount?: number;
  readonly memory: MemoryPort;
  /** For the memory's ledger. */
  readonly model: string;
}

export function createSampler(options: SamplerOptions): Sampler {
  const { vocabSize, choosableCount = vocabSize } = options;
  const scratch = createSamplerScratch(options);
  const sample = (row: Float32Array, state: SamplingState): number => {
    const bestOfModel = findBest(row);
    const choosable = choosableCount < row.length ? row.subarray(0, choosableCount) : row;
    if (state.changesLogits) adjustLogits(choosable, state);
    const best = state.changesLogits || bestOfModel >= choosableCount ? findBest(choosable) : bestOfModel;
    const tokenId = state.params.temperature === 0 ? best : draw(choosable, best, { state, scratch });
    state.accept(tokenId);
    return tokenId;
  };
  return {
    sample,
    sampleWithLogprobs: (row, state, topCount) => {
      const raw = scratch.rawLogits;
      raw.set(row);
      const tokenId = sample(row, state);
      const logSum = logSumExp(raw);
      selectTop(raw, topCount, scratch.candidates);
      scratch.candidates.sort();
      const top = Array.from({ length: scratch.candidates.count }, (_, at) => ({
        tokenId: scratch.candidates.ids[at]!,
        logprob: scratch.candidates.weights[at]! - logSum,
      }));
      return { tokenId, logprob: raw[tokenId]! - logSum, top };
    },
    dispose: () => scratch.dispose(),
    [Symbol.dispose]: () => scratch.dispose(),
  };
}

/** The largest entry's index, the lowest of equals. A NaN fails every comparison and so is seen here. */
function findBest(row: Float32Array): number {
  let best = -1;
  let bestLogit = -Infinity;
  for (let id = 0; id < row.length; id += 1) {
    const logit = row[id]!;
    if (!(logit <= bestLogit)) {
      if (Number.isNaN(logit)) throw brokenLogits(row);
      best = id;
      bestLogit = logit;
    }
  }
  if (best < 0 || bestLogit === Infinity) throw brokenLogits(row);
  return best;
}

function brokenLogits(row: Float32Array): InferenceError {
  let notNumberCount = 0;
  let infiniteCount = 0;
  for (const logit of row) {
    if (Number.isNaN(logit)) notNumberCount += 1;
    else if (logit === Infinity) infiniteCount += 1;
  }
  return new InferenceError(
    "EXECUTOR_FAILED",
    `${row.length} logits must be numbers with a largest one; found ${notNumberCount} NaN, ${infiniteCount} infinite`,
  );
}

/** Temperature and the filters, then one draw. The order of the candidates decides nothing but rounding. */
function draw(
  row: Float32Array,
  best: number,
  context: { readonly state: SamplingState; readonly scratch: SamplerScratch },
): number {
  const { temperature, topK, topP, minP } = context.state.params;
  const { candidates } = context.scratch;
  const largest = row[best]!;
  const exponentFloor = minP > 0 ? Math.max(Math.log(minP), NEGLIGIBLE_EXPONENT) : NEGLIGIBLE_EXPONENT;
  const floor = largest + temperature * exponentFloor;
  if (topK > 0 && topK < row.length) {
    selectTop(row, topK, candidates);
    const { count } = candidates;
    candidates.count = 0;
    for (let at = 0; at < count; at += 1) {
      const logit = candidates.weights[at]!;
      if (logit >= floor) candidates.add(candidates.ids[at]!, Math.exp((logit - largest) / temperature));
    }
  } else {
    candidates.count = 0;
    for (let id = 0; id < row.length; id += 1) {
      const logit = row[id]!;
      if (logit >= floor) candidates.add(id, Math.exp((logit - largest) / temperature));
    }
  }
  if (topP < 1) selectNucleus(candidates, topP);
  return drawOne(candidates, context.state.random.nextUniform());
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

/** The logarithm of the sum of exponentials, without overflow. */
function logSumExp(row: Float32Array): number {
  let largest = -Infinity;
  for (let id = 0; id < row.length; id += 1) if (row[id]! > largest) largest = row[id]!;
  let sum = 0;
  for (let id = 0; id < row.length; id += 1) sum += Math.exp(row[id]! - largest);
  return largest + Math.log(sum);
}
