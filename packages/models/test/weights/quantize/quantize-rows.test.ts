import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  blockBytes,
  blockCount,
  type Quantization,
  zeroPointBytes,
} from "../../../src/weights/block-layout.ts";
import { halfToNumber } from "../../../src/weights/half.ts";
import { rotationOf } from "../../../src/weights/quantize/rotation-of.ts";
import { quantizeRows } from "../../../src/weights/quantize/quantize-rows.ts";

interface Quantized {
  readonly scales: Float32Array;
  /** What the blocks stand for, without what fills the last block of a row. */
  readonly values: readonly number[];
}

function quantize(values: readonly number[], columns: number, quantization: Quantization): Quantized {
  const rows = values.length / columns;
  const blocks = blockCount(columns, quantization);
  const data = new Uint8Array(rows * blocks * blockBytes(quantization));
  const scales = new Float32Array(rows * blocks);
  const { bits, blockSize } = quantization;
  const zeroBytes = zeroPointBytes(columns, { ...quantization, hasMinima: false, hasZeroPoints: bits === 4 });
  const zeroPoints = new Uint8Array(rows * zeroBytes).fill(255);
  quantizeRows(Float32Array.from(values), { columns, quantization }, { data, scales, zeroPoints });
  const integers = bits === 8 ? [...data] : halves(data);
  const zeros = halves(zeroPoints);
  const found = values.map((_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    const blockOfRow = Math.floor(column / blockSize);
    const block = row * blocks + blockOfRow;
    const zero = bits === 8 ? 128 : (zeros[row * zeroBytes * 2 + blockOfRow] ?? Number.NaN);
    const integer = integers[block * blockSize + (column % blockSize)] ?? Number.NaN;
    return (integer - zero) * (scales[block] ?? Number.NaN);
  });
  return { scales, values: found };
}

/** The low half of a byte comes first. */
function halves(bytes: Uint8Array): readonly number[] {
  return [...bytes].flatMap((byte) => [byte & 15, byte >> 4]);
}

/** Multiplies each block of `size` numbers with the Hadamard matrix of that size, divided by the root of the size. */
function rotate(values: Float32Array, size: number): Float32Array {
  return values.map((_value, at) => {
    const row = at % size;
    const block = values.subarray(at - row, at - row + size);
    const isOdd = (bits: number): boolean => bits.toString(2).replaceAll("0", "").length % 2 === 1;
    const sum = block.reduce((total, value, column) => total + (isOdd(row & column) ? -value : value), 0);
    return sum / Math.sqrt(size);
  });
}

describe("rotated rows", () => {
  const columns = 192;
  // One column is a hundred times the others, as activations and weights of real networks have some.
  const values = Float32Array.from({ length: 3 * columns }, (_, at) =>
    at % columns === 70 ? 100 : Math.sin(at * 1.3),
  );
  const quantizeRotated = (rotation: number): { found: Float32Array; scales: Float32Array } => {
    const data = new Uint8Array(values.length);
    const scales = new Float32Array(3);
    quantizeRows(
      values,
      { columns, quantization: { bits: 8, blockSize: columns, rotation } },
      { data, scales, zeroPoints: new Uint8Array(0) },
    );
    const scaleOf = (at: number): number => scales[Math.floor(at / columns)] ?? Number.NaN;
    return { scales, found: Float32Array.from(new Int8Array(data.buffer), (q, at) => q * scaleOf(at)) };
  };

  test.each([16, 32, 64])("multiply blocks of %i with the Hadamard matrix", (rotation) => {
    const { found, scales } = quantizeRotated(rotation);
    for (const [at, value] of rotate(values, rotation).entries()) {
      const step = scales[Math.floor(at / columns)] ?? Number.NaN;
      expect(Math.abs((found[at] ?? Number.NaN) - value)).toBeLessThan(0.51 * step);
    }
  });

  test("spread a large number, and lose less", () => {
    const errorOf = (found: ArrayLike<number>): number =>
      values.reduce((sum, value, at) => sum + (value - (found[at] ?? Number.NaN)) ** 2, 0);
    // The matrix is its own inverse.
    const rotated = errorOf(rotate(quantizeRotated(64).found, 64));
    const { values: plain } = quantize([...values], columns, { bits: 8, blockSize: columns });
    expect(rotated).toBeLessThan(errorOf(plain) / 4);
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

test.each(["F16", "BF16"] as const)("every number of %s is read as it is", (dtype) => {
  // One number a row, beside its negative: the scale says what was read.
  const halves = Uint16Array.from({ length: 2 ** 16 }, (_, at) => (at >> 1) | ((at & 1) << 15));
  const blocks = halves.length / 2;
  const [data, scales, zeroPoints] = [
    new Uint8Array(32 * blocks),
    new Float32Array(blocks),
    new Uint8Array(0),
  ];
  const out = { data, scales, zeroPoints };
  quantizeRows({ dtype, halves }, { columns: 2, quantization: { bits: 8, blockSize: 32 } }, out);
  const words = new Uint32Array(1);
  const numberOf = (bits: number): number => {
    words[0] = bits << 16;
    return dtype === "F16" ? halfToNumber(bits) : (new Float32Array(words.buffer)[0] ?? Number.NaN);
  };
  for (const [bits, scale] of out.scales.entries()) expect(scale).toBe(Math.fround(numberOf(bits) / 127));
});

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
            const range = Math.max(0, ...block) - Math.min(0, ...block);
            // Of 4 bits, the least and the largest may lie outside of the steps.
            const most = mode.bits === 4 ? (1.6 * range) / 15 : (0.51 * largest) / 127;
            for (const [index, value] of block.entries()) {
              const error = Math.abs((found[start + at + index] ?? Number.NaN) - value);
              expect(error).toBeLessThanOrEqual(most + 1e-6);
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

test("4 bits take the range of a block, wherever it lies", () => {
  const block = Array.from({ length: 32 }, (_, at) => 1 + at / 31);
  const blocks = [...block, ...block.map((value) => -value), ...block.map((value) => value - 1.4)];
  const { values } = quantize(blocks, blocks.length, { bits: 4, blockSize: 32 });
  const errors = values.map((value, at) => Math.abs(value - (blocks[at] ?? 0)));
  // Steps of 2/15 where all numbers have a sign, since 0 is among them, and of 1/15 where they do not.
  expect(Math.max(...errors.slice(0, 64))).toBeLessThan(0.15);
  expect(Math.max(...errors.slice(64))).toBeLessThan(0.08);
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
