import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { blockBytes } from "../../../src/weights/block-layout.ts";
import { blockFormats } from "../../../src/weights/ggml/ggml-types.ts";
import { repackRows } from "../../../src/weights/ggml/repack-rows.ts";
import type { Packing } from "../../../src/weights/stored-weight.ts";
import { fixturesDirectory } from "../../support/fixtures.ts";

interface Golden {
  /** Blocks of each type and their numbers, little-endian in base64. */
  readonly types: Readonly<Record<Packing, { readonly blocks: string; readonly values: string }>>;
}

const golden = JSON.parse(
  readFileSync(join(fixturesDirectory, "golden", "gguf-blocks.json"), "utf8"),
) as Golden;

test("has golden values of every type", () => {
  expect(Object.keys(golden.types)).toEqual(Object.keys(blockFormats));
});

test.each(Object.keys(blockFormats) as Packing[])("%s keeps its numbers", (packing) => {
  const source = Uint8Array.from(Buffer.from(golden.types[packing].blocks, "base64"));
  const wanted = new Float32Array(
    Uint8Array.from(Buffer.from(golden.types[packing].values, "base64")).buffer,
  );
  const layout = blockFormats[packing];
  const { bits, blockSize, hasMinima } = layout;
  const blocks = wanted.length / blockSize;
  const out = {
    data: new Uint8Array(blocks * blockBytes(layout)),
    scales: new Float32Array(blocks),
    minima: new Float32Array(hasMinima ? blocks : 0),
    zeroPoints: new Uint8Array(),
  };
  repackRows(source, packing, out);
  const q = bits === 8 ? [...out.data] : [...out.data].flatMap((byte) => [byte & 15, byte >> 4]);
  expect(q).toHaveLength(wanted.length);
  for (const [index, value] of wanted.entries()) {
    const block = Math.floor(index / blockSize);
    const product = ((q[index] ?? Number.NaN) - 2 ** (bits - 1)) * (out.scales[block] ?? Number.NaN);
    const minimum = out.minima[block] ?? 0;
    // Scales and minima are rounded to 32 bits, where the reference rounds their products.
    const tolerance = 2 ** -22 * (Math.abs(product) + Math.abs(minimum));
    expect(Math.abs(product + minimum - value)).toBeLessThanOrEqual(tolerance);
  }
});
