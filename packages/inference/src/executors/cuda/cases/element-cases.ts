import { addRmsNorm } from "../kernels/manifests/add-rms-norm.ts";
import { adapters } from "../kernels/manifests/adapters.ts";
import { elementwise } from "../kernels/manifests/elementwise.ts";
import { gated } from "../kernels/manifests/gated.ts";
import { narrow } from "../kernels/manifests/narrow.ts";
import { norm } from "../kernels/manifests/norm.ts";
import type { CaseSizes } from "./case-sizes.ts";
import { input, integers, type KernelCase, output, type OutputType } from "./kernel-case.ts";
import { NumberSource } from "./number-source.ts";

const rows = 3;
const epsilon = 2 ** -17;
const stored: readonly (readonly [string, OutputType])[] = [
  ["f32", "float32"],
  ["bf16", "bfloat16"],
  ["f16", "float16"],
];

/** Functions of single numbers, norms of rows, and what adapters add. */
export function elementCases({ elements: { width } }: CaseSizes): readonly KernelCase[] {
  const count = rows * width;
  const numbers = new NumberSource(1);
  const x = input(numbers.float32(count, 4));
  const y = input(numbers.float32(count));
  const perRow = input(numbers.float32(rows));
  const weight = input(numbers.float32(width));
  const bias = input(numbers.float32(width));
  const counts = integers(rows);
  const out = output("float32", count);
  const single = (entry: string, operands: KernelCase["args"], rest: readonly number[] = []): KernelCase => ({
    manifest: elementwise,
    entry,
    grid: Math.ceil(count / 256),
    block: 256,
    args: [out, ...operands, counts, 1, width, ...rest],
  });
  const down = input(numbers.float32(2 * 4 * width));
  const up = input(numbers.float32(2 * 4 * width));
  const places = integers(2, 0, 1);
  return [
    ...["sigmoid", "silu", "gelu", "quick_gelu", "gelu_tanh"].map((entry) => single(entry, [x])),
    single("clip", [x], [-1, 0.5]),
    single("scale", [x], [0.75]),
    single("cap", [x], [2]),
    single("add", [x, y]),
    single("multiply", [x, y]),
    single("multiply_rows", [x, perRow]),
    ...stored.flatMap(([name, type]): KernelCase[] => [
      {
        manifest: addRmsNorm,
        entry: `add_rms_norm_${name}`,
        grid: rows,
        block: 256,
        args: [output(type, count), out, x, y, weight, counts, 1, width, epsilon],
      },
      {
        manifest: gated,
        entry: `gated_${name}`,
        grid: [Math.ceil(width / 256), rows],
        block: 256,
        args: [output(type, count), x, y, counts, 1, width, 0],
      },
    ]),
    ...stored.slice(1).map(([name, type]): KernelCase => ({
      manifest: narrow,
      entry: `narrow_${name}`,
      grid: [Math.ceil(width / 256), rows],
      block: 256,
      args: [output(type, count), x, counts, 1, width],
    })),
    ...["rms_norm", "layer_norm"].map((entry): KernelCase => ({
      manifest: norm,
      entry,
      grid: [rows, 2],
      block: 64,
      args: [out, x, weight, bias, counts, 1, width / 2, width / 2, epsilon],
    })),
    {
      manifest: adapters,
      entry: "adapter_down",
      grid: [rows, 4],
      block: 32,
      // Of a token without an adapter nothing is written.
      args: [
        output("float32", rows * 4, { initial: new Float32Array(rows * 4) }),
        x,
        down,
        places,
        counts,
        4,
        width,
      ],
    },
    {
      manifest: adapters,
      entry: "adapter_up",
      grid: [rows, Math.ceil(width / 256)],
      block: 256,
      args: [
        output("float32", count, { initial: numbers.float32(count) }),
        input(numbers.float32(rows * 4)),
        up,
        places,
        counts,
        4,
        width,
      ],
    },
  ];
}
