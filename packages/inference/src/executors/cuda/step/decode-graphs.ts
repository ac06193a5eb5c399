import { captureGraph, type CudaDevice, type CudaGraph, type CudaStream } from "@infernode/memory/cuda";
import type { PassShape } from "../network/program.ts";

const smallBatches = [1, 2, 4, 8];
const batchStep = 16;
const shortestContext = 1024;
const contextFactor = 4;

/** No row is sampled; the likeliest tokens are taken; tokens are drawn, after edits or not, with log-probabilities or not. */
const samplingKinds = 6;

/** What a graph records. */
export interface DecodeSteps {
  readonly device: CudaDevice;
  readonly stream: CudaStream;
  /** Tokens of the longest sequence. */
  readonly contextTokens: number;
  /** Sequences that decode at once. */
  readonly maxSequences: number;
  /** Queues the launches of a pass. Of a pass of fewer tokens the blocks for the others end at once. */
  readonly queue: (shape: PassShape) => void;
}

/**
 * Passes of one token of each sequence as CUDA graphs, one for each of some sizes of batch and context. Each is recorded
 * when it is needed first.
 */
export class DecodeGraphs {
  readonly #steps: DecodeSteps;
  readonly #graphs = new Map<string, CudaGraph>();

  constructor(steps: DecodeSteps) {
    this.#steps = steps;
  }

  /** Queues a pass as a graph, if it is one of single tokens with a row of logits each. */
  launch({
    tokenCount,
    logitCount,
    isAdapted,
    longestPieceTokens,
    longestContextTokens,
    sampledTokenCount,
    isDrawn,
    isEdited,
    isRanked,
  }: PassShape): boolean {
    const { stream, device, maxSequences, contextTokens, queue } = this.#steps;
    if (longestPieceTokens !== 1 || logitCount !== tokenCount || tokenCount > maxSequences) return false;
    const batch = Math.min(maxSequences, batchBucket(tokenCount));
    const context = Math.min(contextTokens, contextBucket(longestContextTokens));
    const key = [batch, context, isAdapted, sampledTokenCount, isDrawn, isEdited, isRanked].join(" ");
    let graph = this.#graphs.get(key);
    if (graph === undefined) {
      const shape: PassShape = {
        tokenCount: batch,
        logitCount: batch,
        pieceCount: batch,
        longestPieceTokens: 1,
        isAdapted,
        longestContextTokens: context,
        sampledTokenCount,
        isDrawn,
        isEdited,
        isRanked,
      };
      graph = captureGraph(device, stream, () => queue(shape));
      this.#graphs.set(key, graph);
    }
    graph.launch(stream);
    return true;
  }

  dispose(): void {
    for (const graph of this.#graphs.values()) graph.dispose();
    this.#graphs.clear();
  }
}

/** How many graphs there can be. */
export function graphCount({
  maxSequences,
  contextTokens,
}: Pick<DecodeSteps, "maxSequences" | "contextTokens">): number {
  const batches =
    smallBatches.filter((batch) => batch < maxSequences).length + Math.ceil(maxSequences / batchStep);
  let contexts = 1;
  for (let context = shortestContext; context < contextTokens; context *= contextFactor) contexts += 1;
  return batches * contexts * samplingKinds;
}

/** The next size of a batch that has a graph. */
function batchBucket(tokenCount: number): number {
  const small = smallBatches.find((batch) => batch >= tokenCount);
  return small ?? Math.ceil(tokenCount / batchStep) * batchStep;
}

function contextBucket(contextTokens: number): number {
  let bucket = shortestContext;
  while (bucket < contextTokens) bucket *= contextFactor;
  return bucket;
}
