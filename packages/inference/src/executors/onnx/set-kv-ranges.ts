import type { DecoderCalls } from "./decoder-calls.ts";
import { measureKvRanges } from "./measure-kv-ranges.ts";
import type { OnnxExecutorOptions } from "./onnx-options.ts";
import type { RoundedCache } from "./rounded-cache.ts";

const defaultTokenCount = 512;

/** Scales a cache of int8 by the ranges that were kept, or by measured ones, which are kept then. */
export async function setKvRanges(
  calls: DecoderCalls,
  rounded: RoundedCache,
  { model, kvRanges }: Pick<OnnxExecutorOptions, "model" | "kvRanges">,
): Promise<void> {
  const { config } = model;
  const kept = await kvRanges?.read();
  if (kept !== undefined && areRanges(kept, rounded)) {
    rounded.setRanges(kept);
    return;
  }
  const tokenIds = (await kvRanges?.tokenIds()) ?? [];
  const known = tokenIds.filter((tokenId) => tokenId >= 0 && tokenId < config.vocabSize);
  const ranges = await measureKvRanges(calls, rounded, {
    tokenIds: known.length > 0 ? known : tokensOfVocabulary(config.vocabSize),
    config,
  });
  rounded.setRanges(ranges);
  await kvRanges?.write(ranges);
}

function areRanges(ranges: Float32Array, { scales }: RoundedCache): boolean {
  return ranges.length === scales.length && ranges.every((range) => range >= 0 && range < Infinity);
}

/** Tokens from all over the vocabulary, in an order that is the same each time. */
function tokensOfVocabulary(vocabSize: number): number[] {
  let state = 1;
  return Array.from({ length: defaultTokenCount }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * vocabSize);
  });
}
