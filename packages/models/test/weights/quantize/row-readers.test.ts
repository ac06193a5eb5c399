import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRandom } from "../../../../../benchmarks/lib/random.ts";
import {
  blockBytes,
  blockCount,
  type BlockLayout,
  zeroPointBytes,
} from "../../../src/weights/block-layout.ts";
import { createRowReader } from "../../../src/weights/quantize/row-readers.ts";
import { denseWeight, type DenseWeight } from "../../../src/weights/stored-weight.ts";

const [rows, columns] = [7, 40];
const layout: BlockLayout = { bits: 4, blockSize: 32, hasMinima: false, hasZeroPoints: true };

let directory = "";
let file = -1;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "infernode-rows-"));
  const byRow = Uint16Array.from({ length: rows * columns }, (_, at) => 0x3f80 + ((at * 37) % 101));
  const byColumn = byRow.map((_, at) => byRow[(at % rows) * columns + Math.floor(at / rows)] ?? 0);
  const path = join(directory, "weights");
  writeFileSync(path, Buffer.concat([byRow, byColumn].map((part) => new Uint8Array(part.buffer))));
  file = openSync(path, "r");
});
afterAll(() => {
  closeSync(file);
  rmSync(directory, { recursive: true });
});

const sizeBytes = 2 * rows * columns;
const place = { name: "w", dtype: "BF16", filePath: "weights" } as const;
const plain = denseWeight({ ...place, shape: [rows, columns], startByte: 0, endByte: sizeBytes });
const transposed: DenseWeight = {
  encoding: "dense",
  shape: [rows, columns],
  isTransposed: true,
  data: { ...place, shape: [columns, rows], startByte: sizeBytes, endByte: 2 * sizeBytes },
};

function blocksOf(source: DenseWeight, firstRow: number, rowCount: number): object {
  const blocks = blockCount(columns, layout);
  const out = {
    data: new Uint8Array(rowCount * blocks * blockBytes(layout)),
    scales: new Float32Array(rowCount * blocks),
    minima: new Float32Array(0),
    zeroPoints: new Uint8Array(rowCount * zeroPointBytes(columns, layout)),
  };
  createRowReader({ name: "w", source, layout }, () => file).write(firstRow, rowCount, out);
  return out;
}

test.each([
  [0, rows],
  [0, 3],
  [3, 3],
  [6, 1],
])("makes the same blocks of rows %i + %i however the matrix is stored", (firstRow, rowCount) => {
  expect(blocksOf(transposed, firstRow, rowCount)).toEqual(blocksOf(plain, firstRow, rowCount));
});

test("keeps the numbers of blocks whose scales are beside them, a window at a time", () => {
  const [blockRows, blocks] = [9000, 32];
  const random = createRandom(4);
  const numbers = Uint8Array.from({ length: blockRows * blocks * 16 }, () => 256 * random());
  const exponents = Uint8Array.from({ length: blockRows * blocks }, () => 255 * random());
  const path = join(directory, "blocks");
  writeFileSync(path, Buffer.concat([numbers, exponents]));
  const blocksFile = openSync(path, "r");
  const u8 = { name: "w", dtype: "U8", filePath: "blocks" } as const;
  const reader = createRowReader(
    {
      name: "w",
      source: {
        encoding: "packed",
        packing: "MXFP4",
        shape: [blockRows, 32 * blocks],
        data: { ...u8, shape: [blockRows, blocks, 16], startByte: 0, endByte: numbers.length },
        scales: {
          ...u8,
          shape: [blockRows, blocks],
          startByte: numbers.length,
          endByte: numbers.length + exponents.length,
        },
      },
      layout: { bits: 8, blockSize: 32, hasMinima: false },
    },
    () => blocksFile,
  );
  const { windowRows } = reader;
  expect(windowRows).toBeLessThan(blockRows);
  const magnitudes = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
  const out = {
    data: new Uint8Array(windowRows * blocks * 32),
    scales: new Float32Array(windowRows * blocks),
    minima: new Float32Array(),
    zeroPoints: new Uint8Array(),
  };
  let wrong = 0;
  for (let first = 0; first < blockRows; first += windowRows) {
    const count = Math.min(windowRows, blockRows - first);
    reader.write(first, count, out);
    for (let at = 0; at < count * blocks * 32; at += 1) {
      const place = first * blocks * 32 + at;
      const code = ((numbers[place >> 1] ?? 0) >> (4 * (place & 1))) & 15;
      const scale = 2 ** ((exponents[place >> 5] ?? 0) - 127);
      const wanted = (code < 8 ? 1 : -1) * (magnitudes[code & 7] ?? 0) * scale;
      const value = ((out.data[at] ?? 0) - 128) * (out.scales[at >> 5] ?? 0);
      // A negative zero is a zero.
      if (Math.abs(value - wanted) !== 0) wrong += 1;
    }
  }
  closeSync(blocksFile);
  expect(wrong).toBe(0);
});
