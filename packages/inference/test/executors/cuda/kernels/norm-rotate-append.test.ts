import { expect, it } from "vitest";
import { normRotateAppend } from "../../../../src/executors/cuda/kernels/manifests/norm-rotate-append.ts";
import { describeKernels } from "./kernel-device.ts";
import { bfloat16, float16, float32, randomNumbers, type StoredType, worstError } from "./stored-numbers.ts";

const [epsilon, pageTokens, untouched] = [1e-6, 16, 99];

interface Case {
  readonly headDim: number;
  readonly rotaryDim: number;
  readonly isInterleaved: boolean;
  /** Whether queries and keys have norms: none, one for all heads, or one for each. */
  readonly norms: "none" | "shared" | "each";
  readonly beta: number;
}

const cases: readonly Case[] = [
  { headDim: 64, rotaryDim: 64, isInterleaved: false, norms: "shared", beta: 0 },
  { headDim: 80, rotaryDim: 32, isInterleaved: true, norms: "none", beta: 0 },
  { headDim: 128, rotaryDim: 128, isInterleaved: true, norms: "each", beta: 0.1 },
  { headDim: 10, rotaryDim: 0, isInterleaved: false, norms: "shared", beta: 0 },
];

describeKernels([normRotateAppend], (open) => {
  const pageTypes = [
    { name: "f32", type: float32, tolerance: 2e-6 },
    { name: "bf16", type: bfloat16, tolerance: 2 ** -8 },
    { name: "f16", type: float16, tolerance: 2 ** -11 },
    { name: "i8", type: undefined, tolerance: 1 / 250 },
  ];
  for (const { name, type, tolerance } of pageTypes) {
    it.each(cases)(
      `${name}: heads of $headDim, of which $rotaryDim rotate, norms: $norms`,
      ({ headDim, rotaryDim, isInterleaved, norms, beta }) => {
        using kernels = open();
        const [heads, kvHeads, pageCount, tableStride, original] = [3, 2, 4, 2, 8];
        const positions = [17, 18, 3];
        const sequences = [1, 1, 0];
        const tables = Int32Array.of(2, 99, 3, 1);
        const tokens = positions.length;
        const q = randomNumbers(float32, tokens * heads * headDim, { seed: 1 });
        const k = randomNumbers(float32, tokens * kvHeads * headDim, { seed: 2 });
        const v = randomNumbers(float32, tokens * kvHeads * headDim, { seed: 3 });
        const [qNorm, kNorm] = [
          randomNumbers(float32, heads * headDim, { seed: 4 }),
          randomNumbers(float32, kvHeads * headDim, { seed: 5 }),
        ];
        const angles = randomNumbers(float32, 32 * headDim, { seed: 6, scale: 3 }).exact;
        const [cos, sin] = [Float32Array.from(angles, Math.cos), Float32Array.from(angles, Math.sin)];
        const ropeRows = [5, 6, 1];
        const turn = (
          from: Float64Array,
          token: number,
          [head, norm]: readonly [number, Float64Array],
        ): Float64Array => {
          const row = from.slice();
          if (norms !== "none") {
            const scale = 1 / Math.sqrt(row.reduce((sum, each) => sum + each * each, 0) / headDim + epsilon);
            row.forEach(
              (each, i) => (row[i] = each * scale * norm[(norms === "each" ? head * headDim : 0) + i]!),
            );
          }
          for (let i = 0; i < rotaryDim / 2; i += 1) {
            const [a, b] = isInterleaved ? [2 * i, 2 * i + 1] : [i, i + rotaryDim / 2];
            const at = (ropeRows[token]! * rotaryDim) / 2 + i;
            const [x, y] = [row[a]!, row[b]!];
            row[a] = x * cos[at]! - y * sin[at]!;
            row[b] = y * cos[at]! + x * sin[at]!;
          }
          return row;
        };
        const exactQ: number[] = [];
        const places = pageCount * kvHeads * pageTokens;
        const [exactK, exactV] = [
          new Float64Array(places * headDim).fill(untouched),
          new Float64Array(places * headDim).fill(untouched),
        ];
        positions.forEach((position, token) => {
          const factor = beta > 0 ? 1 + beta * Math.log(1 + Math.floor(position / original)) : 1;
          for (let head = 0; head < heads; head += 1) {
            const at = (token * heads + head) * headDim;
            exactQ.push(
              ...turn(q.exact.slice(at, at + headDim), token, [head, qNorm.exact]).map(
                (each) => each * factor,
              ),
            );
          }
          const page = tables[sequences[token]! * tableStride + Math.floor(position / pageTokens)]!;
          for (let head = 0; head < kvHeads; head += 1) {
            const at = (token * kvHeads + head) * headDim;
            const place = ((page * kvHeads + head) * pageTokens + (position % pageTokens)) * headDim;
            exactK.set(turn(k.exact.slice(at, at + headDim), token, [head, kNorm.exact]), place);
            exactV.set(v.exact.slice(at, at + headDim), place);
          }
        });
        const pages = (): Float32Array | Uint16Array | Int8Array =>
          type === undefined
            ? new Int8Array(places * headDim).fill(untouched)
            : type.store(new Float64Array(places * headDim).fill(untouched));
        const scales = new Float32Array(places).fill(1);
        const [rotated, keys, values] = [
          kernels.put(new Float32Array(exactQ.length).fill(Number.NaN)),
          kernels.put(pages()),
          kernels.put(pages()),
        ];
        const [keyScales, valueScales] =
          type === undefined ? [kernels.put(scales), kernels.put(scales)] : [0n, 0n];
        kernels.launch(
          `norm_rotate_append_${name}`,
          { grid: [tokens + 1, Math.ceil((heads + 2 * kvHeads) / 4)], block: 128 },
          rotated,
          keys,
          values,
          keyScales,
          valueScales,
          kernels.put(q.stored),
          kernels.put(k.stored),
          kernels.put(v.stored),
          norms === "none" ? 0n : kernels.put(qNorm.stored),
          norms === "none" ? 0n : kernels.put(kNorm.stored),
          kernels.put(cos),
          kernels.put(sin),
          kernels.put(Int32Array.from(ropeRows)),
          kernels.put(Int32Array.from(positions)),
          kernels.put(Int32Array.from(sequences)),
          kernels.put(tables),
          kernels.put(Int32Array.of(tokens)),
          tableStride,
          heads,
          kvHeads,
          headDim,
          rotaryDim,
          isInterleaved ? 1 : 0,
          norms === "each" ? headDim : 0,
          epsilon,
          beta,
          beta > 0 ? original : 0,
        );
        expect(worstError(kernels.get(rotated, new Float32Array(exactQ.length)), exactQ)).toBeLessThan(2e-6);
        const read = (address: bigint, scalesAt: bigint): Float64Array => {
          const stored = kernels.get(address, pages());
          const own = type === undefined ? kernels.get(scalesAt, scales.slice()) : undefined;
          return loadPages(stored, own, { type, headDim });
        };
        for (const [got, exact] of [
          [read(keys, keyScales), exactK],
          [read(values, valueScales), exactV],
        ] as const) {
          const isWritten = (at: number): boolean => exact[at] !== untouched;
          expect(got.filter((_, at) => !isWritten(at)).every((each) => each === untouched)).toBe(true);
          expect(
            worstError(
              got.filter((_, at) => isWritten(at)),
              exact.filter((_, at) => isWritten(at)),
            ),
          ).toBeLessThan(tolerance);
        }
      },
    );
  }
});

function loadPages(
  stored: Float32Array | Uint16Array | Int8Array,
  scales: Float32Array | undefined,
  { type, headDim }: { readonly type: StoredType | undefined; readonly headDim: number },
): Float64Array {
  if (type !== undefined) return type.load(stored as Float32Array);
  return Float64Array.from(stored, (each, at) => each * scales![Math.floor(at / headDim)]!);
}
