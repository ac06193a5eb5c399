import { expect, it } from "vitest";
import { createRandom } from "../../../../../../benchmarks/lib/random.ts";
import { experts } from "../../../../src/executors/cuda/kernels/manifests/experts.ts";
import { gemm } from "../../../../src/executors/cuda/kernels/manifests/gemm.ts";
import { gemmBlocks } from "../../../../src/executors/cuda/kernels/manifests/gemm-blocks.ts";
import { gemv } from "../../../../src/executors/cuda/kernels/manifests/gemv.ts";
import { gemvBlocks } from "../../../../src/executors/cuda/kernels/manifests/gemv-blocks.ts";
import { product } from "../../../../src/executors/cuda/kernels/manifests/product.ts";
import { describeKernels, type KernelDevice, type KernelGeometry } from "./kernel-device.ts";
import { exactProduct } from "./products.ts";
import { randomBlocks } from "./random-blocks.ts";
import { bfloat16, float16, float32, randomNumbers, type StoredType, worstError } from "./stored-numbers.ts";

interface Routing {
  readonly expertCount: number;
  /** The expert of each row. */
  readonly chosen: Int32Array;
  /** Rows that there is room for in the bucket of the pass. */
  readonly most: number;
}

/** Different experts for each token: chosen evenly, the same ones for all, or mostly the first ones. */
function randomRouting(seed: number, limits: { readonly experts: number; readonly tokens: number }): Routing {
  const random = createRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const expertCount = 1 + below(limits.experts);
  const perToken = 1 + below(Math.min(8, expertCount));
  const tokens = 1 + below(limits.tokens);
  const skew = [1, 4, 1e9][below(3)]!;
  const chosen = Array.from({ length: tokens }, () => {
    const weights = Array.from({ length: expertCount }, (_, at) => ({ at, weight: random() / skew ** at }));
    return weights
      .toSorted((a, b) => b.weight - a.weight)
      .slice(0, perToken)
      .map(({ at }) => at);
  }).flat();
  return { expertCount, chosen: Int32Array.from(chosen), most: chosen.length + below(3) * perToken };
}

/** Experts that are all as likely. */
function evenRouting({
  expertCount,
  perToken,
  tokens,
}: {
  readonly expertCount: number;
  readonly perToken: number;
  readonly tokens: number;
}): Routing {
  const random = createRandom(1);
  const experts = Array.from({ length: expertCount }, (_, at) => at);
  const chosen = Array.from({ length: tokens }, () =>
    experts
      .map((at) => ({ at, weight: random() }))
      .toSorted((a, b) => b.weight - a.weight)
      .slice(0, perToken)
      .map(({ at }) => at),
  ).flat();
  return { expertCount, chosen: Int32Array.from(chosen), most: chosen.length };
}

/** Tiles as `group_rows` makes them: those of each expert in turn. */
function tilesOf(
  { expertCount, chosen }: Routing,
  size: number,
): { readonly expert: number; readonly rows: readonly number[] }[] {
  return Array.from({ length: expertCount }, (_, expert) => {
    const rows = [...chosen.keys()].filter((row) => chosen[row] === expert);
    return Array.from({ length: Math.ceil(rows.length / size) }, (__, at) => ({
      expert,
      rows: rows.slice(at * size, (at + 1) * size),
    }));
  }).flat();
}

const padded = (rows: readonly number[], size: number): number[] =>
  Array.from({ length: size }, (_, at) => rows[at] ?? -1);

/** Tiles on the device, and how many there can be. */
interface DeviceTiles {
  readonly tileExperts: bigint;
  readonly order: bigint;
  readonly count: number;
}

function groupRows(kernels: KernelDevice, { expertCount, chosen, most }: Routing, size: number): DeviceTiles {
  const count = Math.floor((most + Math.min(expertCount, most) * (size - 1)) / size);
  const tileExperts = kernels.put(new Int32Array(count).fill(-7));
  const order = kernels.put(new Int32Array(count * size).fill(-7));
  kernels.launch(
    "group_rows",
    { grid: [expertCount], block: 256, sharedBytes: 4 * expertCount },
    tileExperts,
    order,
    kernels.put(chosen),
    kernels.put(Int32Array.of(chosen.length)),
    1,
    expertCount,
    Math.log2(size),
    count,
  );
  return { tileExperts, order, count };
}

/** A matrix as kernels read it: its six addresses, and its numbers. */
interface TestMatrix {
  readonly parts: readonly (Parameters<KernelDevice["put"]>[0] | undefined)[];
  readonly exact: Float64Array;
}

/** A kernel that multiplies tiles of rows, and how it is launched. */
interface TileKernel {
  readonly entry: string;
  readonly size: number;
  readonly x: StoredType;
  readonly matrix: (seed: number) => TestMatrix;
  readonly geometry: (tiles: number) => KernelGeometry;
  /** Numbers behind the common ones. */
  readonly rest: readonly number[];
}

const [n, k] = [37, 72];
const blockSize = 16;
/** Rows that are computed without others as well. */
const aloneCount = 8;

const biasOf = (seed: number) => randomNumbers(float32, n, { seed: seed + 50 }).stored;

function dense(type: StoredType): TileKernel["matrix"] {
  return (seed) => {
    const w = randomNumbers(type, n * k, { seed });
    return { parts: [w.stored, undefined, undefined, undefined, undefined, biasOf(seed)], exact: w.exact };
  };
}

function blocks(bits: 4 | 8, x: StoredType): TileKernel["matrix"] {
  return (seed) => {
    const w = randomBlocks({ n, k, bits, blockSize, scaleType: float32, has: "zero points", seed });
    // Tensor cores have the weights in the type of their inputs.
    const exact = x === float32 ? w.exact : x.load(x.store(Float64Array.from(w.exact, Math.fround)));
    return { parts: [w.q, w.scales, w.zeros, w.minima, undefined, biasOf(seed)], exact };
  };
}

/** Integers of 8 bits by column, with a scale for each row. */
function integers(seed: number): TestMatrix {
  const random = createRandom(seed);
  const q = Int8Array.from({ length: n * k }, () => random() * 255 - 127);
  const scales = randomNumbers(float32, n, { seed: seed + 1 });
  const exact = Float64Array.from({ length: n * k }, (_, at) => {
    const [row, column] = [Math.floor(at / k), at % k];
    return scales.exact[row]! * q[column * n + row]!;
  });
  return { parts: [q, scales.stored, undefined, undefined, undefined, biasOf(seed)], exact };
}

function gemvKernel(type: string, size: number, matrix: TileKernel["matrix"]): TileKernel {
  const warps = 2;
  return {
    entry: `gemv_${type}_r${size}`,
    size,
    x: float32,
    matrix,
    geometry: (tiles) => ({ grid: [Math.ceil((n * warps) / 4), 1, tiles], block: 128 }),
    rest: type.startsWith("q") ? [warps, Math.log2(blockSize), 0] : [warps],
  };
}

function gemmKernel(
  entry: string,
  size: number,
  { x, matrix }: Pick<TileKernel, "x" | "matrix">,
): TileKernel {
  const stages = entry.startsWith("gemm_q") ? 2 : size === 32 ? 4 : 3;
  return {
    entry,
    size,
    x,
    matrix,
    geometry: (tiles) => ({ grid: [1, tiles, 1], block: 256, sharedBytes: stages * (size + 128) * 64 }),
    rest: entry.startsWith("gemm_q") ? [Math.log2(blockSize), 0] : [],
  };
}

function productKernel(type: string, size: number, matrix: TileKernel["matrix"]): TileKernel {
  const rows = Math.min(size, 32);
  return {
    entry: `product_${type}`,
    size,
    x: float32,
    matrix,
    geometry: (tiles) => ({
      grid: [Math.ceil(n / 32), (tiles * size) / rows],
      block: [32, Math.ceil(rows / 4)],
    }),
    rest: [rows, size / rows, ...(type === "i8" ? [] : [type.startsWith("q") ? blockSize : 0])],
  };
}

const tileKernels: readonly TileKernel[] = [
  gemvKernel("bf16", 2, dense(bfloat16)),
  gemvKernel("bf16", 8, dense(bfloat16)),
  gemvKernel("f16", 4, dense(float16)),
  gemvKernel("q4", 4, blocks(4, float32)),
  gemvKernel("q8", 8, blocks(8, float32)),
  gemmKernel("gemm_bf16_32", 32, { x: bfloat16, matrix: dense(bfloat16) }),
  gemmKernel("gemm_f16_128", 128, { x: float16, matrix: dense(float16) }),
  gemmKernel("gemm_q4_bf16_32", 32, { x: bfloat16, matrix: blocks(4, bfloat16) }),
  gemmKernel("gemm_q8_bf16_128", 128, { x: bfloat16, matrix: blocks(8, bfloat16) }),
  productKernel("f32", 2, dense(float32)),
  productKernel("bf16", 8, dense(bfloat16)),
  productKernel("q4", 32, blocks(4, float32)),
  productKernel("i8", 128, integers),
];

describeKernels([experts, gemv, gemvBlocks, gemm, gemmBlocks, product], (open) => {
  it.each([2, 4, 8, 32, 128])("brings rows together in tiles of %i", (size) => {
    using kernels = open();
    for (let seed = 1; seed <= 12; seed += 1) {
      const routing = randomRouting(seed * 100 + size, { experts: 40, tokens: 90 });
      const tiles = tilesOf(routing, size);
      const { tileExperts, order, count } = groupRows(kernels, routing, size);
      expect(tiles.length).toBeLessThanOrEqual(count);
      const expected = Array.from({ length: count }, (_, at) => padded(tiles[at]?.rows ?? [], size)).flat();
      expect([...kernels.get(order, new Int32Array(count * size))]).toEqual(expected);
      const got = [...kernels.get(tileExperts, new Int32Array(count))];
      expect(got.slice(0, tiles.length)).toEqual(tiles.map(({ expert }) => expert));
    }
  });

  // Counts that docs/cuda.md has; without tiles each row reads the weights of its expert.
  it.each([
    [8, 2, 32, 34],
    [8, 2, 128, 10],
    [32, 4, 32, 80],
    [32, 4, 128, 32],
    [128, 8, 32, 185],
  ])(
    "of 512 tokens with %i experts, %i for each, tiles of %i read weights %i times",
    (expertCount, perToken, size, reads) => {
      using kernels = open();
      const routing = evenRouting({ expertCount, perToken, tokens: 512 });
      const { order, count } = groupRows(kernels, routing, size);
      const places = kernels.get(order, new Int32Array(count * size));
      expect(places.filter((row, at) => at % size === 0 && row !== -1)).toHaveLength(reads);
    },
  );

  it.each(tileKernels)(
    "$entry: tiles of $size rows, each row as if it were alone",
    ({ entry, size, x, matrix, geometry, rest }) => {
      using kernels = open();
      for (const seed of [1, 2, 3]) {
        const routing = randomRouting(seed * 1000 + size, { experts: 5, tokens: size < 32 ? 6 : 2 * size });
        const { chosen, most, expertCount } = routing;
        const inputs = randomNumbers(x, most * k, { seed });
        const matrices = Array.from({ length: expertCount }, (_, at) => matrix(seed + 7 * at));
        const table = kernels.put(
          BigInt64Array.from(
            matrices.flatMap(({ parts }) =>
              parts.map((part) => (part === undefined ? 0n : kernels.put(part))),
            ),
          ),
        );
        const multiply = ({ tileExperts, order, count }: DeviceTiles): Float32Array => {
          const out = kernels.put(new Float32Array(most * n).fill(Number.NaN));
          const counts = kernels.put(Int32Array.of(chosen.length));
          const common = [out, kernels.put(inputs.stored), table, tileExperts, order, counts, 1, n, k];
          kernels.launch(entry, geometry(count), ...common, ...rest);
          return kernels.get(out, new Float32Array(most * n));
        };
        const got = multiply(groupRows(kernels, routing, size));
        const end = chosen.length * n;
        const exact = Float64Array.from({ length: end }, (_, at) => {
          const row = Math.floor(at / n);
          const { exact: w, parts } = matrices[chosen[row]!]!;
          const i = at % n;
          const sum = exactProduct(
            inputs.exact.subarray(row * k, (row + 1) * k),
            w.subarray(i * k, (i + 1) * k),
            { n: 1, k },
          );
          return sum[0]! + Number((parts[5] as Float32Array)[i]!);
        });
        expect(worstError(got.subarray(0, end), exact)).toBeLessThan(2e-6);
        expect(got.subarray(end).every(Number.isNaN)).toBe(true);
        const some = [...chosen.keys()].filter((row) => row % Math.ceil(chosen.length / aloneCount) === 0);
        const alone = multiply({
          tileExperts: kernels.put(Int32Array.from(some, (row) => chosen[row]!)),
          order: kernels.put(Int32Array.from(some.flatMap((row) => padded([row], size)))),
          count: some.length,
        });
        const rowsOf = (all: Float32Array): unknown =>
          some.map((row) => all.subarray(row * n, (row + 1) * n));
        expect(rowsOf(got)).toEqual(rowsOf(alone));
      }
    },
  );
});
