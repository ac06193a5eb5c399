import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "infernode-rows-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe.each([
  ["BF16", Uint16Array.from({ length: rows * columns }, (_, at) => 0x3f80 + ((at * 37) % 101))],
  ["F32", Float32Array.from({ length: rows * columns }, (_, at) => Math.sin(at))],
] as const)("%s", (dtype, byRow) => {
  const byColumn = byRow.map((_, at) => byRow[(at % rows) * columns + Math.floor(at / rows)] ?? 0);
  const sizeBytes = byRow.byteLength;
  const place = { name: "w", dtype, filePath: "weights" };
  const plain = denseWeight({ ...place, shape: [rows, columns], startByte: 0, endByte: sizeBytes });
  const transposed: DenseWeight = {
    encoding: "dense",
    shape: [rows, columns],
    isTransposed: true,
    data: { ...place, shape: [columns, rows], startByte: sizeBytes, endByte: 2 * sizeBytes },
  };

  let file = -1;
  beforeAll(() => {
    const path = join(directory, dtype);
    writeFileSync(path, Buffer.concat([byRow, byColumn].map(({ buffer }) => new Uint8Array(buffer))));
    file = openSync(path, "r");
  });
  afterAll(() => closeSync(file));

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
});
