import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blockBytes, blockCount, type Quantization } from "../../../src/weights/block-layout.ts";
import { rotateRows, rotationOf } from "../../../src/weights/quantize/rotate-rows.ts";
import { quantizeRows } from "../../../src/weights/quantize/quantize-rows.ts";

interface Quantized {
  readonly q: readonly number[];
  readonly scales: Float32Array;
  /** What the blocks stand for, without what fills the last block of a row. */
  readonly values: readonly number[];
}

function quantize(values: readonly number[], columns: number, quantization: Quantization): Quantized {
  const rows = values.length / columns;
  const blocks = blockCount(columns, quantization);
  const data = new Uint8Array(rows * blocks * blockBytes(quantization));
  const scales = new Float32Array(rows * blocks);
  quantizeRows(Float32Array.from(values), { columns, quantization }, { data, scales });
  const { bits, blockSize } = quantization;
  const stored = bits === 8 ? [...data] : [...data].flatMap((byte) => [byte & 15, byte >> 4]);
  const q = stored.map((each) => each - 2 ** (bits - 1));
  const found = values.map((_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    const block = row * blocks + Math.floor(column / blockSize);
    return (q[block * blockSize + (column % blockSize)] ?? Number.NaN) * (scales[block] ?? Number.NaN);
  });
  return { q, scales, values: found };
}

describe("rotated rows", () => {
  const rotation = 64;
  const columns = 192;
  // One column is a hundred times the others, as activations and weights of real networks have some.
  const values = Float32Array.from({ length: 3 * columns }, (_, at) =>
    at % columns === 70 ? 100 : Math.sin(at * 1.3),
  );

  test("multiply blocks with the Hadamard matrix, which is its own inverse", () => {
    const turned = values.slice();
    rotateRows(turned, rotation);
    const block = values.subarray(64, 128);
    expect(turned[64]).toBeCloseTo(block.reduce((sum, value) => sum + value, 0) / 8, 4);
    expect(turned[65]).toBeCloseTo(
      block.reduce((sum, value, at) => sum + (at % 2 ? -value : value), 0) / 8,
      4,
    );
    rotateRows(turned, rotation);
    for (const [at, value] of values.entries()) expect(turned[at]).toBeCloseTo(value, 4);
  });

  test("spread a large number, and lose less", () => {
    const errorOf = (size: number): number => {
      const data = new Uint8Array(values.length);
      const scales = new Float32Array(3);
      const quantization = { bits: 8, blockSize: columns, rotation: size } as const;
      quantizeRows(values.slice(), { columns, quantization }, { data, scales });
      const found = Float32Array.from(
        new Int8Array(data.buffer),
        (q, at) => q * (scales[Math.floor(at / columns)] ?? 0),
      );
      rotateRows(found, size);
      return found.reduce((sum, value, at) => sum + (value - (values[at] ?? 0)) ** 2, 0);
    };
    expect(errorOf(rotation)).toBeLessThan(errorOf(1) / 4);
  });

  test.each([
    [2048, 64],
    [576, 64],
    [96, 32],
    [64, 32],
    [72, 8],
    [7, 1],
  ])("of %i columns are rotated in blocks of %i", (count, size) => {
    expect(rotationOf(count)).toBe(size);
  });
});

const modes: readonly Quantization[] = [
  { bits: 4, blockSize: 32 },
  { bits: 4, blockSize: 128 },
  { bits: 8, blockSize: 32 },
  { bits: 8, blockSize: 128 },
];

describe.each(modes)("$bits bits in blocks of $blockSize", (mode) => {
  const number = fc.float({ min: -100, max: 100, noNaN: true });
  const matrix = fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 300 }))
    .chain(([rows, columns]) =>
      fc.record({
        columns: fc.constant(columns),
        values: fc.array(number, { minLength: rows * columns, maxLength: rows * columns }),
      }),
    );

  test("a number comes back within what the block's largest allows", () => {
    fc.assert(
      fc.property(matrix, ({ columns, values }) => {
        const found = quantize(values, columns, mode).values;
        for (let start = 0; start < values.length; start += columns) {
          for (let at = 0; at < columns; at += mode.blockSize) {
            const end = start + Math.min(columns, at + mode.blockSize);
            const block = values.slice(start + at, end);
            const largest = Math.max(...block.map(Math.abs));
            // There is no +8, and the largest may lie outside of the steps.
            const step = mode.bits === 4 ? largest / 8 : largest / 127;
            for (const [index, value] of block.entries()) {
              const error = Math.abs((found[start + at + index] ?? Number.NaN) - value);
              expect(error).toBeLessThanOrEqual(step * (mode.bits === 4 ? 2 : 0.51) + 1e-6);
            }
          }
        }
      }),
      { seed: 41, numRuns: 200 },
    );
  });

  test("zeros stay zeros", () => {
    expect(quantize(Array<number>(70).fill(0), 70, mode).values.every((value) => value === 0)).toBe(true);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "%s makes a scale that is not finite, of its block alone",
    (bad) => {
      const values = Array.from({ length: 3 * mode.blockSize }, (_, at) => Math.sin(at));
      values[mode.blockSize + 3] = bad;
      const { scales } = quantize(values, values.length, mode);
      expect([...scales].map((scale) => Number.isFinite(scale))).toEqual([true, false, true]);
    },
  );
});

test.each([32, 128])(
  "4 bits in blocks of %d err less than by the formula of llama.cpp's Q4_0",
  (blockSize) => {
    const values = Array.from({ length: 4096 }, (_, at) => Math.sin(at * 12.9898) * Math.cos(at * 78.233));
    const weighted = (found: readonly number[]): number =>
      values.reduce((sum, value, at) => sum + Math.abs(value) * (value - (found[at] ?? 0)) ** 2, 0);
    const llama = values.map((value, at) => {
      const start = at - (at % blockSize);
      const block = values.slice(start, start + blockSize);
      const extreme = block.reduce((most, each) => (Math.abs(each) > Math.abs(most) ? each : most), 0);
      return ((Math.min(15, Math.trunc((value * -8) / extreme + 8.5)) - 8) * extreme) / -8;
    });
    const { values: own } = quantize(values, values.length, { bits: 4, blockSize });
    expect(weighted(own)).toBeLessThan(0.95 * weighted(llama));
  },
);
