import type { ForwardResult, RowLogprobs, RowSampling, Sampler } from "../../src/index.ts";
import { editRow } from "../../src/conformance/edit-row.ts";
import { noLogprobs } from "../../src/executors/row-sampling.ts";
import { createSampler } from "../../src/sampling/sampler.ts";
import { defaultSamplingParams } from "../../src/sampling/sampling-params.ts";
import { isRowEdited } from "../../src/executors/row-edits.ts";
import { SamplingState } from "../../src/sampling/sampling-state.ts";
import { PlainMemory } from "./plain-memory.ts";

/** The result of an executor that samples rows by the host's sampler, and returns no logits of those. */
export function sampleRows(rows: readonly Float32Array[], sampling: RowSampling | undefined): ForwardResult {
  const isSampled = (index: number): boolean => sampling?.isSampled[index] === 1;
  const raw = rows.map((row) => row.slice());
  /** Sampling changes a row. */
  const tokenIds = new Map<number, number>();
  const row = (index: number): Float32Array => {
    if (isSampled(index)) throw new Error(`the logits of row ${index} stayed on the device`);
    return rows[index]!;
  };
  const tokenId = (index: number): number => {
    if (!isSampled(index)) throw new Error(`row ${index} was not sampled`);
    const tokenId = tokenIds.get(index) ?? sampleRow(rows[index]!, sampling!, index);
    tokenIds.set(index, tokenId);
    return tokenId;
  };
  const logprobs = (index: number): RowLogprobs => {
    const topCount = sampling?.topCounts?.[index] ?? noLogprobs;
    if (topCount === noLogprobs) throw new Error(`log-probabilities of row ${index} were not wanted`);
    using sampler = samplerOf(raw[index]!.length);
    return sampler.logprobsOf(raw[index]!, tokenId(index), topCount);
  };
  return { rowCount: rows.length, row, tokenId, logprobs };
}

function samplerOf(vocabSize: number, tokenCount: number = vocabSize): Sampler {
  return createSampler({ vocabSize, tokenCount, memory: new PlainMemory(), model: "sampled" });
}

function sampleRow(row: Float32Array, sampling: RowSampling, index: number): number {
  const params = {
    ...defaultSamplingParams,
    temperature: sampling.temperatures[index]!,
    minP: Math.exp(sampling.exponentFloors[index]!),
    topK: sampling.topKs[index]!,
    topP: sampling.topPs[index]!,
    seed: 0,
  };
  const plain = { params, promptTokenIds: new Int32Array(), index: 0, stopTokenIds: [], minTokens: 0 };
  const random = { nextUniform: () => sampling.uniforms[index]! };
  const isEdited = sampling.edits !== undefined && isRowEdited(sampling.edits, index);
  // NaN and infinite logits of all the row are found first.
  const isFinite = row.every((logit) => logit < Infinity);
  if (isEdited) editRow(row, sampling, index);
  const tokens = isEdited && isFinite ? row.subarray(0, sampling.tokenCount) : row;
  using sampler = samplerOf(tokens.length, sampling.tokenCount);
  return sampler.sample(tokens, Object.assign(new SamplingState(plain), { random }) as SamplingState);
}
