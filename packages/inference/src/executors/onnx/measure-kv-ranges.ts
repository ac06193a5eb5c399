import type { ModelConfig } from "@infernode/models";
import type { DecoderCalls } from "./decoder-calls.ts";
import type { KvSlots } from "../slots/kv-slots.ts";
import { lengthRuleOf } from "../rotation/length-rotations.ts";
import { frequencySets } from "../rotation/rope-table.ts";
import type { RoundedCache } from "./rounded-cache.ts";
import { float32 } from "../typed-views.ts";

/** Room above what a text shows: other texts have larger numbers, and a number beyond its range is cut off. */
const headroom = 1.5;

/** A range that rounds to nothing: powers of two are exact. */
const noRounding = 2 ** -40 * 127;

/**
 * Measures the largest magnitude of each channel of keys and values over a text, in the order of
 * `RoundedCache.scales`, with headroom. What was cached before is lost.
 */
export async function measureKvRanges(
  calls: DecoderCalls,
  rounded: RoundedCache,
  { tokenIds, config }: { readonly tokenIds: readonly number[]; readonly config: ModelConfig },
): Promise<Float32Array> {
  const ranges = new Float32Array(rounded.scales.length);
  rounded.setRanges(ranges.map(() => noRounding));
  calls.setRounding(false);
  const { capacityTokens } = rounded.exact.shape;
  const textTokens = lengthRuleOf(config, capacityTokens)?.originalTokens ?? capacityTokens;
  // A text that is longer than the memory, or than what rotates alike, is several texts.
  for (let first = 0; first < tokenIds.length; first += textTokens) {
    const text = Int32Array.from(tokenIds.slice(first, first + textTokens));
    for (let start = 0; start < text.length; start += calls.maxChunkTokens) {
      const chunk = text.subarray(start, start + calls.maxChunkTokens);
      await calls.prefill({ slot: 0, tokenIds: chunk, startPosition: start, logitCount: 0, firstRow: 0 });
    }
    raiseRanges(rounded.exact, config, { tokenCount: text.length, ranges });
  }
  calls.setRounding(true);
  return ranges.map((range) => range * headroom);
}

/**
 * Raises `ranges`, the largest magnitude of each channel `(layers, keys and values, kvHeads · headDim)`, by the first
 * `tokenCount` positions of a slot of float32.
 *
 * The rotation of keys changes with the position and moves numbers between the two channels of a pair, so a key counts
 * with the largest magnitude that it has at any position of the model's context.
 */
function raiseRanges(
  slots: KvSlots,
  config: ModelConfig,
  { tokenCount, ranges }: { readonly tokenCount: number; readonly ranges: Float32Array },
): void {
  const { kvHeadCount, headDim, capacityTokens } = slots.shape;
  const frequencies = config.rotaries.map(frequencySets);
  let row = 0;
  for (const bytes of slots.views(0, 1)) {
    const numbers = float32(bytes);
    const rotary = config.layerRotary[Math.floor(row / 2)];
    const rotation = row % 2 === 0 && rotary !== undefined ? frequencies[rotary] : undefined;
    for (let head = 0; head < kvHeadCount; head += 1) {
      const first = (row * kvHeadCount + head) * headDim;
      const channels = ranges.subarray(first, first + headDim);
      for (let position = 0; position < tokenCount; position += 1) {
        const at = (head * capacityTokens + position) * headDim;
        const vector = numbers.subarray(at, at + headDim);
        const rotated = raiseByKey(channels, vector, { config, frequencies: rotation ?? [], position });
        for (let each = rotated; each < headDim; each += 1) raise(channels, each, Math.abs(vector[each]!));
      }
    }
    row += 1;
  }
}

interface Rotation {
  readonly config: ModelConfig;
  /** `(dim / 2)` radians per position, of the sequence that was measured and of others. */
  readonly frequencies: readonly Float32Array[];
  readonly position: number;
}

/** Returns how many channels rotate. */
function raiseByKey(channels: Float32Array, key: Float32Array, rotation: Rotation): number {
  const { config, frequencies, position } = rotation;
  const [measured = new Float32Array(0)] = frequencies;
  const half = measured.length;
  for (let pair = 0; pair < half; pair += 1) {
    const [first, second] = config.hasInterleavedRope ? [2 * pair, 2 * pair + 1] : [pair, pair + half];
    const x = key[first]!;
    const y = key[second]!;
    const length = Math.hypot(x, y);
    const start = Math.atan2(y, x) - position * measured[pair]!;
    const end = start + config.contextTokens * Math.max(...frequencies.map((each) => each[pair]!));
    raise(channels, first, length * largestCosine(start, end));
    // The second channel is a quarter of a turn behind.
    raise(channels, second, length * largestCosine(start - Math.PI / 2, end - Math.PI / 2));
  }
  return 2 * half;
}

function raise(channels: Float32Array, channel: number, magnitude: number): void {
  if (magnitude > channels[channel]!) channels[channel] = magnitude;
}

/** The largest magnitude of the cosine between two angles. */
function largestCosine(start: number, end: number): number {
  if (Math.ceil(start / Math.PI) * Math.PI <= end) return 1;
  return Math.max(Math.abs(Math.cos(start)), Math.abs(Math.cos(end)));
}
