import type { ModelConfig } from "@infernode/models";
import { lengthRuleOf } from "../../rotation/length-rotations.ts";
import { PageLog } from "./page-log.ts";

/** Tokens of a sequence to compute. */
export interface SequenceTokens {
  readonly startPosition: number;
  readonly tokenIds: Int32Array;
  /** Where they come from, as `ForwardBatch.tokenSources` has it; not of a chunk that waits. [none] */
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

/** What of a chunk decides whether it waits. */
export interface ChunkPlace extends Pick<SequenceTokens, "startPosition" | "logitCount"> {
  readonly tokenCount: number;
  readonly knownLength: number;
  /** The first page of the sequence. */
  readonly firstPage: number;
}

/** Cuts the chunks of a model whose rotations follow the length of a sequence. */
export interface ChunkCutter {
  /**
   * Whether a chunk is cut when what was begun before has run: it is computed in several passes, or with rotations that the
   * host fills in for it.
   */
  waits(chunk: ChunkPlace): boolean;
  /** Cuts a chunk into parts that rotate alike. */
  cut(chunk: PagedChunk): readonly ChunkPart[];
  /** Takes note of tokens that were not known when they were cut, by the rows that they come from. */
  learn(tokenOf: (row: number) => number): void;
}

/** What a rotation by length depends on. */
export interface CutSizes {
  readonly contextTokens: number;
  readonly pageCount: number;
  readonly pageTokens: number;
}

/** Creates what cuts the chunks of a model; `undefined` where nothing rotates by length. */
export function createChunkCutter(
  config: Pick<ModelConfig, "rotaries">,
  sizes: CutSizes,
): ChunkCutter | undefined {
  const rule = lengthRuleOf(config, sizes.contextTokens);
  if (rule === undefined) return undefined;
  const { type, originalTokens } = rule;
  if (type === "dynamic") {
    const lengthOf = (chunk: ChunkPlace): number | undefined => dynamicLength(chunk, originalTokens);
    return {
      waits: (chunk) => lengthOf(chunk) !== undefined,
      cut: (chunk) => {
        const place = { ...chunk, tokenCount: chunk.tokenIds.length, firstPage: chunk.pages[0] ?? 0 };
        return [{ ...chunk, ropeStart: 0, lengthTokens: lengthOf(place), isAfterOthers: false }];
      },
      learn: () => {},
    };
  }
  const log = new PageLog(sizes);
  return {
    waits: (chunk) => {
      const isLong = isLongAt(chunk, originalTokens);
      return isAcross(chunk, originalTokens) || log.mustRepeat(chunk.startPosition, chunk.firstPage, isLong);
    },
    cut: (chunk) => longropeParts(chunk, originalTokens, log),
    learn: (tokenOf) => log.learn(tokenOf),
  };
}

/**
 * Past the original context, tokens of a prompt rotate by its whole length, and a later one by the length up to it. What is
 * cached stays as it was rotated. Returns the length, where the tables have no rows of it.
 *
 * @see transformers, `modeling_rope_utils.py` (`dynamic_frequency_update`), and its `generate` with a cache
 */
function dynamicLength(
  { startPosition, tokenCount, knownLength }: ChunkPlace,
  originalTokens: number,
): number | undefined {
  const end = startPosition + tokenCount;
  const length = Math.max(knownLength, end);
  const isLast = tokenCount === 1 && length === end;
  return length <= originalTokens || isLast ? undefined : length;
}

function isLongAt(
  { startPosition, tokenCount, knownLength }: Omit<ChunkPlace, "firstPage">,
  originalTokens: number,
): boolean {
  return Math.max(knownLength, startPosition + tokenCount) > originalTokens;
}

/**
 * Whether logits are wanted on both sides of the original context. Those of a prompt that is known to be longer are all
 * those of the whole prompt.
 */
function isAcross(
  { startPosition, tokenCount, knownLength, logitCount }: Omit<ChunkPlace, "firstPage">,
  originalTokens: number,
): boolean {
  const boundary = originalTokens - startPosition;
  return knownLength <= originalTokens && boundary > tokenCount - logitCount && boundary < tokenCount;
}

/**
 * Up to the original context all positions of a sequence rotate in one way, and in another once it is longer, those before
 * too: they are computed again then, from the tokens that the log of the pages has.
 */
function longropeParts(chunk: PagedChunk, originalTokens: number, log: PageLog): readonly ChunkPart[] {
  const { startPosition, tokenIds, logitCount } = chunk;
  const tokenCount = tokenIds.length;
  const place = { ...chunk, tokenCount };
  if (isAcross(place, originalTokens)) {
    const boundary = originalTokens - startPosition;
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
  const isLong = isLongAt(place, originalTokens);
  const ropeStart = isLong ? originalTokens : 0;
  const earlier = log.tokensToRepeat(chunk, isLong);
  log.record(chunk, isLong);
  const part = { ...chunk, ropeStart, isAfterOthers: false };
  if (earlier === undefined) return [part];
  const again = {
    ...part,
    startPosition: 0,
    tokenIds: earlier,
    tokenSources: undefined,
    logitCount: 0,
    isAfterOthers: true,
  };
  return [again, part];
}
