import { expect } from "vitest";
import { createRandom } from "../../../../../../benchmarks/lib/random.ts";
import type { KernelDevice } from "./kernel-device.ts";
import { bfloat16, float16, float32, randomNumbers, type StoredType } from "./stored-numbers.ts";

const pageTokens = 16;

/** Pieces of sequences, of which attention is computed. */
export interface AttentionCase {
  readonly type: StoredType | "i8";
  readonly headDim: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  /** Tokens of each piece, and its first position. */
  readonly pieces: readonly { readonly length: number; readonly position: number }[];
  /** [0] */
  readonly window?: number;
  /** [0] */
  readonly softCap?: number;
  /** [false] */
  readonly hasSinks?: boolean;
  /** Queries are numbers of this type. [float32] */
  readonly queryType?: StoredType;
  readonly seed: number;
}

/** What attention reads, as it is stored, and what it writes, in float64. */
export interface AttentionData extends Required<
  Pick<AttentionCase, "headDim" | "headCount" | "kvHeadCount" | "window" | "softCap">
> {
  readonly q: Float32Array;
  readonly keys: Float32Array | Uint16Array | Int8Array;
  readonly values: Float32Array | Uint16Array | Int8Array;
  readonly keyScales: Float32Array | undefined;
  readonly valueScales: Float32Array | undefined;
  readonly sinks: Float32Array | undefined;
  readonly pieceTokens: Int32Array;
  readonly pieceLengths: Int32Array;
  readonly piecePositions: Int32Array;
  readonly positions: Int32Array;
  readonly sequences: Int32Array;
  readonly tables: Int32Array;
  readonly tableStride: number;
  readonly tokenCount: number;
  readonly scale: number;
  /** `(tokens, heads, headDim)` */
  readonly exact: Float64Array;
}

/** Random queries and pages in a random order; what no token attends to is NaN. */
export function randomAttention(options: AttentionCase): AttentionData {
  const {
    type,
    headDim,
    headCount,
    kvHeadCount,
    pieces,
    window = 0,
    softCap = 0,
    hasSinks = false,
  } = options;
  const random = createRandom(options.seed);
  const tokenCount = pieces.reduce((sum, { length }) => sum + length, 0);
  const lastPage = (piece: (typeof pieces)[number]): number =>
    Math.floor((piece.position + piece.length - 1) / pageTokens);
  const tableStride = 2 + Math.max(...pieces.map(lastPage));
  const pageCount = pieces.reduce((sum, piece) => sum + lastPage(piece) + 1, 1);
  const free = Array.from({ length: pageCount }, (_, page) => page).toSorted(() => random() - 0.5);
  // Entries that no token may look at.
  const tables = new Int32Array(pieces.length * tableStride).fill(2 ** 30);
  pieces.forEach((piece, at) => {
    const oldest = window > 0 ? Math.max(0, piece.position - window + 1) : 0;
    for (let page = Math.floor(oldest / pageTokens); page <= lastPage(piece); page += 1) {
      tables[at * tableStride + page] = free.pop()!;
    }
  });
  const { queryType = float32 } = options;
  const q = randomNumbers(queryType, tokenCount * headCount * headDim, { seed: options.seed + 1, scale: 2 });
  const keys = randomPages(type, { pageCount, kvHeadCount, headDim, seed: options.seed + 2 });
  const values = randomPages(type, { pageCount, kvHeadCount, headDim, seed: options.seed + 3 });
  const sinks = hasSinks ? Float32Array.from({ length: headCount }, () => 2 * random()) : undefined;
  const used = new Set<number>();
  const placeOf = (piece: number, position: number, kvHead: number): number => {
    const page = tables[piece * tableStride + Math.floor(position / pageTokens)]!;
    return (page * kvHeadCount + kvHead) * pageTokens + (position % pageTokens);
  };
  const positions: number[] = [];
  const sequences: number[] = [];
  const exact = new Float64Array(tokenCount * headCount * headDim);
  const scale = headDim ** -0.5;
  pieces.forEach(({ length, position: start }, piece) => {
    for (let offset = 0; offset < length; offset += 1) {
      const token = positions.length;
      positions.push(start + offset);
      sequences.push(piece);
      for (let head = 0; head < headCount; head += 1) {
        const at = (token * headCount + head) * headDim;
        const oldest = window > 0 ? Math.max(0, start + offset - window + 1) : 0;
        const places = Array.from({ length: start + offset + 1 - oldest }, (_, i) =>
          placeOf(piece, oldest + i, Math.floor(head / (headCount / kvHeadCount))),
        );
        const scores = places.map((place) => {
          used.add(place);
          let score = 0;
          for (let i = 0; i < headDim; i += 1) score += q.exact[at + i]! * keys.exact[place * headDim + i]!;
          score *= scale;
          return softCap > 0 ? softCap * Math.tanh(score / softCap) : score;
        });
        const sink = sinks?.[head] ?? -Infinity;
        const largest = Math.max(sink, ...scores);
        const weights = scores.map((score) => Math.exp(score - largest));
        const total = weights.reduce((sum, weight) => sum + weight, Math.exp(sink - largest));
        places.forEach((place, i) => {
          for (let j = 0; j < headDim; j += 1) {
            exact[at + j]! += (weights[i]! / total) * values.exact[place * headDim + j]!;
          }
        });
      }
    }
  });
  poisonUnused([keys, values], used, headDim);
  const starts = pieces.map((_, at) => pieces.slice(0, at).reduce((sum, { length }) => sum + length, 0));
  return {
    headDim,
    headCount,
    kvHeadCount,
    window,
    softCap,
    q: Float32Array.from(q.exact),
    keys: keys.stored,
    values: values.stored,
    keyScales: keys.scales,
    valueScales: values.scales,
    sinks,
    pieceTokens: Int32Array.from(starts),
    pieceLengths: Int32Array.from(pieces, ({ length }) => length),
    piecePositions: Int32Array.from(pieces, ({ position }) => position),
    positions: Int32Array.from(positions),
    sequences: Int32Array.from(sequences),
    tables,
    tableStride,
    tokenCount,
    scale,
    exact,
  };
}

/** What kernels of pieces are given, with a piece of no tokens behind the others. */
export function pieceArguments(
  kernels: KernelDevice,
  data: AttentionData,
  { out, partial, type = float32 }: PieceOutputs,
): readonly (number | bigint)[] {
  const put = (numbers: Parameters<typeof kernels.put>[0] | undefined): bigint =>
    numbers === undefined ? 0n : kernels.put(numbers);
  return [
    out,
    partial,
    put(data.q),
    put(data.keys),
    put(data.values),
    put(data.keyScales),
    put(data.valueScales),
    put(data.sinks),
    put(Int32Array.of(...data.pieceTokens, 0)),
    put(Int32Array.of(...data.pieceLengths, 0)),
    put(Int32Array.of(...data.piecePositions, 0)),
    put(data.sequences),
    put(data.tables),
    data.tableStride,
    data.headCount,
    data.kvHeadCount,
    data.headDim,
    data.window,
    data.scale,
    data.softCap,
    outTypeOf(type),
  ];
}

interface PieceOutputs {
  readonly out: bigint;
  readonly partial: bigint;
  /** Of `out`. [float32] */
  readonly type?: StoredType;
}

/** How kernels call the type that they write: store-as.cuh. */
export function outTypeOf({ name }: StoredType): number {
  return { f32: 0, bf16: 1, f16: 2 }[name];
}

/** What a kernel writes in 16 bits is what it writes in float32, rounded. */
export function expectRounded(
  write: (type: StoredType) => Float32Array | Uint16Array,
  wide: Float32Array | Uint16Array,
): void {
  for (const type of [bfloat16, float16]) expect(write(type)).toEqual(type.store(float32.load(wide)));
}

interface Pages {
  readonly stored: Float32Array | Uint16Array | Int8Array;
  readonly scales: Float32Array | undefined;
  readonly exact: Float64Array;
}

function randomPages(
  type: StoredType | "i8",
  { pageCount, kvHeadCount, headDim, seed }: Record<"pageCount" | "kvHeadCount" | "headDim" | "seed", number>,
): Pages {
  const rows = pageCount * kvHeadCount * pageTokens;
  if (type !== "i8") return { ...randomNumbers(type, rows * headDim, { seed }), scales: undefined };
  const random = createRandom(seed);
  const scales = Float32Array.from({ length: rows }, () => (0.5 + random()) / 127);
  const stored = Int8Array.from({ length: rows * headDim }, () => Math.round(254 * random() - 127));
  return { stored, scales, exact: Float64Array.from(stored, (q, i) => q * scales[Math.floor(i / headDim)]!) };
}

function poisonUnused(parts: readonly Pages[], used: ReadonlySet<number>, headDim: number): void {
  for (const { stored, scales, exact } of parts) {
    for (let place = 0; place < exact.length / headDim; place += 1) {
      if (used.has(place)) continue;
      if (stored instanceof Float32Array) stored.fill(Number.NaN, place * headDim, (place + 1) * headDim);
      else if (stored instanceof Uint16Array) stored.fill(0x7fff, place * headDim, (place + 1) * headDim);
      else scales!.fill(Number.NaN, place, place + 1);
    }
  }
}
