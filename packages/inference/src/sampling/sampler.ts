import { adjustLogits } from "./adjust-logits.ts";
import type { Candidates } from "./candidates.ts";
import { InferenceError } from "../errors.ts";
import { createSamplerScratch, type SamplerScratch } from "./sampler-scratch.ts";
import type { MemoryPort } from "../ports.ts";
import type { SamplingState } from "./sampling-state.ts";
import { expNegative } from "./exp-negative.ts";
import { selectNucleus } from "./select-nucleus.ts";
import { selectTop } from "./select-top.ts";

/** exp(−50) · 2¹⁸ is below 2⁻⁵³, the finest that a uniform number can tell. */
const negligibleExponent = -50;

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
  /** The log-probabilities of a given token and of the `topCount` likeliest; `row` stays as it is. */
  logprobsOf(row: Float32Array, tokenId: number, topCount: number): SampledToken;
  dispose(): void;
}

/** What `createSampler` takes. */
export interface SamplerOptions {
  /** Length of a row. */
  readonly vocabSize: number;
  /** Ids from here on are never chosen: rows of the output head that no token belongs to. [vocabSize] */
  readonly choosableCount?: number;
  readonly memory: MemoryPort;
  /** For the memory's ledger. */
  readonly model: string;
}

/** Creates a sampler for rows of one length; its scratch memory comes from the pool. */
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
  const logprobsOf = (row: Float32Array, tokenId: number, topCount: number): SampledToken => {
    const largest = row[findBest(row)]!;
    const logSum = largest + Math.log(sumOfExponentials(row, largest));
    selectTop(row, topCount, scratch.candidates);
    scratch.candidates.sort();
    const top = Array.from({ length: scratch.candidates.count }, (_, at) => ({
      tokenId: scratch.candidates.ids[at]!,
      logprob: scratch.candidates.weights[at]! - logSum,
    }));
    return { tokenId, logprob: row[tokenId]! - logSum, top };
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
  const exponentFloor = minP > 0 ? Math.max(Math.log(minP), negligibleExponent) : negligibleExponent;
  const largest = row[best]!;
  const scale = { largest, temperature, floor: largest + temperature * exponentFloor };
  if (topK > 0 && topK < row.length) {
    selectTop(row, topK, candidates);
    weighCandidates(candidates, scale);
  } else {
    weighRow(row, candidates, scale);
  }
  if (topP < 1) selectNucleus(candidates, topP);
  return drawOne(candidates, context.state.random.nextUniform());
}

interface Scale {
  readonly largest: number;
  readonly temperature: number;
  /** Logits below have no weight. */
  readonly floor: number;
}

// Long loops have functions of their own: code that is compiled while a loop runs knows nothing of what
// comes after it, is thrown away there, and made again at the next call.

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

function drawOne(candidates: Candidates, uniform: number): number {
  const target = uniform * candidates.total();
  let sum = 0;
  for (let at = 0; at < candidates.count; at += 1) {
    sum += candidates.weights[at]!;
    if (sum > target) return candidates.ids[at]!;
  }
  return candidates.ids[candidates.count - 1]!;
}

/** The sum of the exponentials of what each entry is below the largest. */
function sumOfExponentials(row: Float32Array, largest: number): number {
  let sum = 0;
  for (let id = 0; id < row.length; id += 1) sum += expNegative(row[id]! - largest);
  return sum;
}
