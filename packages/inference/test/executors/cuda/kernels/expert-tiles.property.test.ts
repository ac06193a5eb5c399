import { expect, it } from "vitest";
import { experts } from "../../../../src/executors/cuda/kernels/manifests/experts.ts";
import { gemm } from "../../../../src/executors/cuda/kernels/manifests/gemm.ts";
import { gemmBlocks } from "../../../../src/executors/cuda/kernels/manifests/gemm-blocks.ts";
import { gemv } from "../../../../src/executors/cuda/kernels/manifests/gemv.ts";
import { gemvBlocks } from "../../../../src/executors/cuda/kernels/manifests/gemv-blocks.ts";
import { gemvMma } from "../../../../src/executors/cuda/kernels/manifests/gemv-mma.ts";
import { gemvMmaBlocks } from "../../../../src/executors/cuda/kernels/manifests/gemv-mma-blocks.ts";
import { product } from "../../../../src/executors/cuda/kernels/manifests/product.ts";
import { evenRouting, padded, randomRouting, type Routing, tilesOf } from "./expert-routings.ts";
import { describeKernels, type KernelDevice } from "./kernel-device.ts";
import { exactProduct } from "./products.ts";
import { randomNumbers, worstError } from "./stored-numbers.ts";
import { k, n, tileKernels } from "./tile-kernels.ts";

/** Rows that are computed without others as well. */
const aloneCount = 8;

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

describeKernels([experts, gemv, gemvBlocks, gemvMma, gemvMmaBlocks, gemm, gemmBlocks, product], (open) => {
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
    { expertCount: 8, perToken: 2, size: 32, reads: 34 },
    { expertCount: 8, perToken: 2, size: 128, reads: 10 },
    { expertCount: 32, perToken: 4, size: 32, reads: 80 },
    { expertCount: 32, perToken: 4, size: 128, reads: 32 },
    { expertCount: 128, perToken: 8, size: 32, reads: 185 },
  ])(
    "of 512 tokens with $expertCount experts, $perToken for each, tiles of $size read weights $reads times",
    ({ expertCount, perToken, size, reads }) => {
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
          return sum[0]! + (parts[5] as Float32Array)[i]!;
        });
        expect(worstError(got.subarray(0, end), exact)).toBeLessThan(4e-6);
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
