import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { createColumnWriter, createRowWriter } from "../../../src/weights/quantize/tensor-writers.ts";

const startByte = 5;

function openScratch(): { readonly file: number; readonly read: () => Buffer } {
  const directory = mkdtempSync(join(tmpdir(), "infernode-writers-"));
  const path = join(directory, "tensor");
  const file = openSync(path, "w+");
  onTestFinished(() => {
    closeSync(file);
    rmSync(directory, { recursive: true });
  });
  return { file, read: () => readFileSync(path).subarray(startByte) };
}

const matrix = (rows: number, columns: number): Uint8Array =>
  Uint8Array.from({ length: rows * columns }, (_, at) => (at * 37 + (at >> 8)) % 256);

/** Gives a writer all rows, some at a time. */
function* parts(all: Uint8Array, columns: number, counts: readonly number[]): Generator<Uint8Array> {
  let row = 0;
  for (let part = 0; row * columns < all.length; part += 1) {
    const count = counts[part % counts.length] ?? 1;
    yield all.subarray(row * columns, (row + count) * columns);
    row += count;
  }
}

test("rows are written one after the other, with their checksum", () => {
  const { file, read } = openScratch();
  const all = matrix(10, 7);
  const writer = createRowWriter({ file, startByte, endByte: startByte + all.length });
  for (const part of parts(all, 7, [3, 1])) writer.write(part);
  expect(writer.finish()).toBe(crc32(all));
  expect(read()).toEqual(Buffer.from(all));
});

test.each([
  ["all at once", { rows: 24, columns: 9, counts: [24], maxBytes: 1000 }],
  ["in parts that are no multiple of four", { rows: 23, columns: 130, counts: [5, 1, 8], maxBytes: 1e6 }],
  ["in strips of some rows", { rows: 40, columns: 66, counts: [7, 4], maxBytes: 66 * 12 + 5 }],
  ["in strips of one row", { rows: 6, columns: 20, counts: [4], maxBytes: 3 }],
  ["in strips that no part fits", { rows: 50, columns: 16, counts: [32], maxBytes: 16 * 9 }],
])("rows become columns, %s", (_title, { rows, columns, counts, maxBytes }) => {
  const { file, read } = openScratch();
  const all = matrix(rows, columns);
  const writer = createColumnWriter({ file, startByte, endByte: startByte + all.length }, columns, maxBytes);
  for (const part of parts(all, columns, counts)) writer.write(part);
  const sum = writer.finish();
  const wanted = all.map((_each, at) => all[(at % rows) * columns + Math.floor(at / rows)] ?? 0);
  expect(read()).toEqual(Buffer.from(wanted));
  expect(sum).toBe(crc32(wanted));
});
