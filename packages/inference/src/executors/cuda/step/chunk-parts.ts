import type { ModelConfig } from "@infernode/models";
import { lengthRuleOf } from "../../rotation/length-rotations.ts";
import { PageLog } from "./page-log.ts";

/** Tokens of a sequence to compute. */
export interface SequenceTokens {
  readonly startPosition: number;
  readonly tokenIds: Int32Array;
  /** Where they come from, as `ForwardBatch.tokenSources` has it; only where nothing rotates by length. [none] */
  readonly tokenSources?: Int32Array | undefined;
  /** Rows of logits, after the last tokens. */
  readonly logitCount: number;
  /** The place of the sequence's adapter, or 0. */
  readonly adapter: number;
  /** The pages of the sequence, up to the last of these tokens. */
  readonly pages: Int32Array;
}

/** Tokens of a chunk that rotate alike. */
export interface ChunkPart extends SequenceTokens {
  /** The row of position 0 in the tables of rotations by length. */
  readonly ropeStart: number;
  /** The length that they rotate by in rows of their own. [those of the tables] */
  readonly lengthTokens?: number | undefined;
  /** Whether passes before it must have run: it overwrites what they read. */
  readonly isAfterOthers: boolean;
}

/** A chunk, and how long its sequence is known to get, or 0. */
export interface PagedChunk extends SequenceTokens {
  readonly knownLength: number;
}

/** Cuts a chunk into parts that rotate alike. */
export type CutChunk = (chunk: PagedChunk) => readonly ChunkPart[];

/** What a rotation by length depends on. */
export interface CutSizes {
  readonly contextTokens: number;
  readonly pageCount: number;
  readonly pageTokens: number;
}

/** Creates the function that cuts the chunks of a model; `undefined` where nothing rotates by length. */
export function createChunkCutter(
  config: Pick<ModelConfig, "rotaries">,
  sizes: CutSizes,
): CutChunk | undefined {
  const rule = lengthRuleOf(config, sizes.contextTokens);
  if (rule === undefined) return undefined;
  const { type, originalTokens } = rule;
  if (type === "dynamic") return (chunk) => [dynamicPart(chunk, originalTokens)];
  const log = new PageLog(sizes);
  return (chunk) => longropeParts(chunk, originalTokens, log);
}

/**
 * Past the original context, tokens of a prompt rotate by its whole length, and a later one by the length up to it. What is
 * cached stays as it was rotated.
 *
 * @see transformers, `modeling_rope_utils.py` (`dynamic_frequency_update`), and its `generate` with a cache
 */
function dynamicPart(chunk: PagedChunk, originalTokens: number): ChunkPart {
  const { startPosition, tokenIds, knownLength } = chunk;
  const end = startPosition + tokenIds.length;
  const length = Math.max(knownLength, end);
  const isLast = tokenIds.length === 1 && length === end;
  const lengthTokens = length <= originalTokens || isLast ? undefined : length;
  return { ...chunk, ropeStart: 0, lengthTokens, isAfterOthers: false };
}

/**
 * Up to the original context all positions of a sequence rotate in one way, and in another once it is longer, those before
 * too: they are computed again then, from the tokens that the log of the pages has.
 */
function longropeParts(chunk: PagedChunk, originalTokens: number, log: PageLog): readonly ChunkPart[] {
  const { startPosition, tokenIds, knownLength, logitCount } = chunk;
  const boundary = originalTokens - startPosition;
  const tokenCount = tokenIds.length;
  // Logits of a prompt that is known to be longer are all those of the whole prompt.
  const isAcross =
    knownLength <= originalTokens && boundary > tokenCount - logitCount && boundary < tokenCount;
  if (isAcross) {
    const before = {
      ...chunk,
      tokenIds: tokenIds.subarray(0, boundary),
      logitCount: logitCount - (tokenCount - boundary),
    };
    const after = {
      ...chunk,
      startPosition: originalTokens,
      tokenIds: tokenIds.subarray(boundary),
      logitCount: tokenCount - boundary,
    };
    return [...longropeParts(before, originalTokens, log), ...longropeParts(after, originalTokens, log)];
  }
  const isLong = Math.max(knownLength, startPosition + tokenCount) > originalTokens;
  const ropeStart = isLong ? originalTokens : 0;
  const earlier = log.tokensToRepeat(chunk, isLong);
  log.record(chunk, isLong);
  const part = { ...chunk, ropeStart, isAfterOthers: false };
  if (earlier === undefined) return [part];
  const again = { ...part, startPosition: 0, tokenIds: earlier, logitCount: 0, isAfterOthers: true };
  return [again, part];
}
