import { gemm } from "../kernels/manifests/gemm.ts";
import { gemmBlocks } from "../kernels/manifests/gemm-blocks.ts";
import { gemv } from "../kernels/manifests/gemv.ts";
import { gemvBlocks } from "../kernels/manifests/gemv-blocks.ts";
import { gemvMma } from "../kernels/manifests/gemv-mma.ts";
import { gemvMmaBlocks } from "../kernels/manifests/gemv-mma-blocks.ts";
import { product } from "../kernels/manifests/product.ts";
import { sumSplits } from "../kernels/manifests/sum-splits.ts";
import type { CaseSizes } from "./case-sizes.ts";
import {
  type CaseMatrix,
  type CaseNumbers,
  input,
  integers,
  type KernelCase,
  matrix,
  output,
} from "./kernel-case.ts";
import { NumberSource } from "./number-source.ts";

const blockShift = 5;
const blockSize = 2 ** blockShift;
/** Tensor cores add in an order and with a rounding of their own. */
const tensorCores = { tolerance: 2e-4 };
/** The second and the third product of a launch. */
const noFurther = [undefined, 0, undefined, 0] as const;
type Dense = "float16" | "bfloat16";
const denseTypes: readonly (readonly [string, Dense])[] = [
  ["f16", "float16"],
  ["bf16", "bfloat16"],
];

/** Products with weights of each type, of few rows and of many. */
export function productCases(sizes: CaseSizes): readonly KernelCase[] {
  return [
    ...fewRows(sizes.fewRows),
    ...fewRowsOfTensorCores(sizes.fewRowsOfTensorCores),
    ...manyRows(sizes.manyRows),
    ...anyRows(sizes.anyRows),
  ];
}

/** Weights in blocks, with a scale, a zero point and a minimum each. */
function blocksOf(
  numbers: NumberSource,
  { bits, n, k }: { readonly bits: 4 | 8; readonly n: number; readonly k: number },
): CaseMatrix {
  const blocks = k / blockSize;
  return {
    data: numbers.bytes((n * k * bits) / 8),
    scales: numbers.positive(n * blocks),
    zeroPoints: numbers.bytes(n * Math.ceil((blocks * bits) / 8)),
    minima: numbers.float32(n * blocks),
    bias: numbers.float32(n),
  };
}

function fewRows({ n, k, more }: CaseSizes["fewRows"]): readonly KernelCase[] {
  const numbers = new NumberSource(6);
  const cases: KernelCase[] = [];
  for (const rowsAtOnce of [1, 2, 4, 8]) {
    const rows = rowsAtOnce + more;
    const common = (weight: CaseMatrix, warps: number): KernelCase["args"] => [
      output("float32", rows * n),
      input(numbers.float32(rows * k)),
      matrix(weight),
      undefined,
      undefined,
      integers(rows),
      1,
      n,
      k,
      warps,
    ];
    const geometry = (warps: number): Pick<KernelCase, "grid" | "block"> => ({
      grid: [Math.ceil((n * warps) / 4), 1, Math.ceil(rows / rowsAtOnce)],
      block: 128,
    });
    for (const [name, type] of denseTypes) {
      const weight = { data: numbers[type](n * k), bias: numbers.float32(n) };
      const entry = `gemv_${name}_r${rowsAtOnce}`;
      cases.push({ manifest: gemv, entry, ...geometry(2), args: common(weight, 2) });
    }
    for (const bits of [4, 8] as const) {
      const args = [...common(blocksOf(numbers, { bits, n, k }), 1), blockShift, 0];
      cases.push({ manifest: gemvBlocks, entry: `gemv_q${bits}_r${rowsAtOnce}`, ...geometry(1), args });
    }
  }
  return cases;
}

function fewRowsOfTensorCores({
  n,
  k,
  more,
  warps,
}: CaseSizes["fewRowsOfTensorCores"]): readonly KernelCase[] {
  const numbers = new NumberSource(9);
  const cases: KernelCase[] = [];
  for (const rowsAtOnce of [8, 16]) {
    const rows = rowsAtOnce + more;
    const common = (x: CaseNumbers, weight: CaseMatrix): KernelCase["args"] => [
      output("float32", rows * n, tensorCores),
      input(x),
      matrix(weight),
      undefined,
      undefined,
      integers(rows),
      1,
      n,
      k,
      rowsAtOnce,
    ];
    const grid = [Math.ceil(n / 16), Math.ceil(rows / rowsAtOnce)] as const;
    const geometry = { grid, block: 32 * warps } as const;
    for (const [name, type] of denseTypes) {
      const weight = { data: numbers[type](n * k), bias: numbers.float32(n) };
      const args = [...common(numbers[type](rows * k), weight), ...noFurther];
      const sharedBytes = warps * 16 * rowsAtOnce * 4;
      cases.push({
        manifest: gemvMma,
        entry: `gemv_mma_${name}_${rowsAtOnce}`,
        ...geometry,
        sharedBytes,
        args,
      });
    }
    for (const bits of [4, 8] as const) {
      const x = numbers.bfloat16(rows * k);
      const args = [...common(x, blocksOf(numbers, { bits, n, k })), blockShift, ...noFurther];
      const sharedBytes = warps * 4 * (1024 + 128 * Math.max(4, 512 / bits / blockSize));
      const entry = `gemv_mma_q${bits}_${rowsAtOnce}`;
      cases.push({ manifest: gemvMmaBlocks, entry, ...geometry, sharedBytes, args });
    }
  }
  return cases;
}

function manyRows({ n, k, rows }: CaseSizes["manyRows"]): readonly KernelCase[] {
  const numbers = new NumberSource(7);
  const geometryOf = (tileRows: number, stages: number): Omit<KernelCase, "manifest" | "entry" | "args"> => ({
    grid: [Math.ceil(n / 128), Math.ceil(rows / tileRows), 1],
    block: 256,
    sharedBytes: stages * (tileRows + 128) * 64,
  });
  const common = (x: CaseNumbers, weight: CaseMatrix): KernelCase["args"] => [
    output("float32", rows * n, tensorCores),
    input(x),
    matrix(weight),
    undefined,
    undefined,
    integers(rows),
    1,
    n,
    k,
  ];
  const cases: KernelCase[] = [];
  for (const [name, type] of denseTypes) {
    for (const tileRows of [16, 32, 64, 128]) {
      const weight = { data: numbers[type](n * k), bias: numbers.float32(n) };
      const args = [...common(numbers[type](rows * k), weight), ...noFurther];
      const geometry = geometryOf(tileRows, tileRows >= 64 ? 3 : 4);
      cases.push({ manifest: gemm, entry: `gemm_${name}_${tileRows}`, ...geometry, args });
    }
    for (const bits of [4, 8] as const) {
      for (const tileRows of [32, 128]) {
        const x = numbers[type](rows * k);
        const args = [...common(x, blocksOf(numbers, { bits, n, k })), blockShift, 0, ...noFurther];
        const entry = `gemm_q${bits}_${name}_${tileRows}`;
        cases.push({ manifest: gemmBlocks, entry, ...geometryOf(tileRows, 2), args });
      }
    }
  }
  return cases;
}

function anyRows({ n, k, rows }: CaseSizes["anyRows"]): readonly KernelCase[] {
  const numbers = new NumberSource(8);
  const bias = numbers.float32(n);
  const order = Int32Array.from({ length: k }, (_, at) => (at * 5) % k);
  const cases = (
    [
      ["f32", { data: numbers.float32(n * k), order }, [1]],
      ["f16", { data: numbers.float16(n * k) }, [0]],
      ["bf16", { data: numbers.bfloat16(n * k) }, [1]],
      ["q4", blocksOf(numbers, { bits: 4, n, k }), [blockSize]],
      ["q8", blocksOf(numbers, { bits: 8, n, k }), [blockSize]],
      ["i8", { data: numbers.int8(n * k), scales: numbers.positive(n) }, []],
    ] as const
  ).map(([name, weight, rest]): KernelCase => ({
    manifest: product,
    entry: `product_${name}`,
    grid: [Math.ceil(n / 32), Math.ceil(rows / 4)],
    block: [32, 1],
    args: [
      output("float32", rows * n),
      input(numbers.float32(rows * k)),
      matrix({ ...weight, bias }),
      undefined,
      undefined,
      integers(rows),
      1,
      n,
      k,
      4,
      1,
      ...rest,
    ],
  }));
  const splits = 3;
  return [
    ...cases,
    {
      manifest: sumSplits,
      entry: "sum_splits",
      grid: [Math.ceil(n / 256), rows],
      block: 256,
      args: [
        output("float32", rows * n),
        input(numbers.float32(rows * splits * n)),
        matrix({ bias }),
        undefined,
        integers(rows),
        1,
        n,
        splits,
        undefined,
        undefined,
        0,
        undefined,
        undefined,
        0,
      ],
    },
  ];
}
