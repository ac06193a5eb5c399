import { describe, expect, it } from "vitest";

import { createRandom } from "../../../../../benchmarks/lib/random.ts";
import { ModelError, openCheckpoint } from "../../../src/index.ts";
import { readGgufHeader, type GgufHeader } from "../../../src/formats/gguf/read-gguf-header.ts";
import { openFile } from "../../../src/files/read-file.ts";
import { convertToGguf } from "../../support/convert-to-gguf.ts";
import { checkpointDirectory } from "../../support/fixtures.ts";
import { createMemoryFiles } from "../../support/memory-files.ts";
import { expectModelError } from "../../support/model-error.ts";
import {
  arrayOf,
  encodeGguf,
  f32,
  i32s,
  text,
  textBytes,
  texts,
  u32,
  u32Bytes,
  u64Bytes,
  type GgufContent,
} from "../../support/gguf-file.ts";

const path = "/models/a.gguf";

async function read(bytes: Uint8Array, keeps?: (key: string) => boolean): Promise<GgufHeader> {
  const opened = await openFile(createMemoryFiles({ [path]: bytes }), path);
  return readGgufHeader(opened, keeps);
}

const vector = { shape: [4], type: 0, data: new Uint8Array(16) };
const content: GgufContent = {
  metadata: {
    "general.architecture": text("llama"),
    "llama.block_count": u32(3),
    numbers: i32s([1, -2]),
    words: texts(["a", "déjà vu"]),
    ratio: f32(0.5),
  },
  tensors: {
    first: vector,
    blocks: { shape: [2, 64], type: 2, data: new Uint8Array(2 * 2 * 18) },
    wide: { shape: [256], type: 14, data: new Uint8Array(210) },
  },
};

describe.each([2, 3])("version %i", (version) => {
  it("has metadata, and tensors with their places", async () => {
    const { metadata, tensors } = await read(encodeGguf({ ...content, version }), (key) => key === "words");
    expect(Object.fromEntries(metadata)).toEqual({
      "general.architecture": "llama",
      "llama.block_count": 3,
      numbers: { count: 2 },
      words: ["a", "déjà vu"],
      ratio: 0.5,
    });
    const start = tensors[0]?.startByte ?? Number.NaN;
    expect(start % 32).toBe(0);
    expect(tensors).toEqual([
      { name: "first", type: "F32", shape: [4], startByte: start, endByte: start + 16 },
      { name: "blocks", type: "Q4_0", shape: [2, 64], startByte: start + 32, endByte: start + 104 },
      { name: "wide", type: "Q6_K", shape: [256], startByte: start + 128, endByte: start + 338 },
    ]);
  });
});

it("reads a vocabulary that is longer than one window", async () => {
  const words = Array.from({ length: 300_000 }, (_, at) => `token ${at}`);
  const bytes = encodeGguf({ metadata: { words: texts(words), after: u32(7) }, tensors: {} });
  const kept = await read(bytes, () => true);
  expect(kept.metadata.get("words")).toEqual(words);
  const skipped = await read(bytes);
  expect(skipped.metadata.get("words")).toEqual({ count: words.length });
  expect([kept, skipped].map(({ metadata }) => metadata.get("after"))).toEqual([7, 7]);
});

const start = new TextEncoder().encode("GGUF");
const counts = (tensors: number | bigint, pairs: number | bigint): Uint8Array =>
  Buffer.concat([start, u32Bytes(3), u64Bytes(tensors), u64Bytes(pairs)]);
const pair = (key: string, type: number, ...bytes: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([textBytes(key), u32Bytes(type), ...bytes]);
const tensor = (
  dimensions: readonly (number | bigint)[],
  type: number,
  offset: number | bigint,
): Uint8Array =>
  Buffer.concat([
    textBytes("t"),
    u32Bytes(dimensions.length),
    ...dimensions.map(u64Bytes),
    u32Bytes(type),
    u64Bytes(offset),
  ]);
const huge = 2n ** 62n;
const filler = new Uint8Array(4096);

describe("refuses with a code, and allocates nothing for what is only claimed", () => {
  it.each<[string, Parameters<typeof expectModelError>[0], readonly Uint8Array[]]>([
    ["an empty file", "GGUF_TRUNCATED", []],
    ["another file", "INVALID_GGUF", [new TextEncoder().encode("PK\u0003\u0004"), filler]],
    ["version 1", "UNSUPPORTED_FORMAT", [start, u32Bytes(1), filler]],
    ["big-endian", "UNSUPPORTED_FORMAT", [start, Uint8Array.of(0, 0, 0, 3), filler]],
    ["too many pairs", "INVALID_GGUF", [counts(0, 2 ** 16 + 1), filler]],
    ["more pairs than bytes", "GGUF_TRUNCATED", [counts(0, 60_000), filler]],
    ["too many tensors", "INVALID_GGUF", [counts(2 ** 16 + 1, 0), filler]],
    ["more tensors than bytes", "GGUF_TRUNCATED", [counts(60_000, 0), filler]],
    ["a count above 2^53", "INVALID_GGUF", [counts(huge, 0), filler]],
    ["a key above the file", "GGUF_TRUNCATED", [counts(0, 1), u64Bytes(huge), filler]],
    ["a key above the limit", "INVALID_GGUF", [counts(0, 1), u64Bytes(70_000), new Uint8Array(80_000)]],
    ["a key that is no UTF-8", "INVALID_GGUF", [counts(0, 1), u64Bytes(1), Uint8Array.of(0xff), filler]],
    ["a key twice", "INVALID_GGUF", [counts(0, 2), pair("a", 4, u32Bytes(1)), pair("a", 4, u32Bytes(1))]],
    ["an unknown type", "INVALID_GGUF", [counts(0, 1), pair("a", 13), filler]],
    ["a text above the file", "GGUF_TRUNCATED", [counts(0, 1), pair("a", 8, u64Bytes(10_000)), filler]],
    [
      "an array above the file",
      "GGUF_TRUNCATED",
      [counts(0, 1), pair("a", 9, u32Bytes(4), u64Bytes(huge)), filler],
    ],
    [
      "texts above the file",
      "GGUF_TRUNCATED",
      [counts(0, 1), pair("a", 9, u32Bytes(8), u64Bytes(1000)), filler],
    ],
    ["an array of arrays", "INVALID_GGUF", [counts(0, 1), pair("a", 9, u32Bytes(9), u64Bytes(1)), filler]],
    [
      "an array of an unknown type",
      "INVALID_GGUF",
      [counts(0, 1), pair("a", 9, u32Bytes(99), u64Bytes(1)), filler],
    ],
    ["no dimension", "INVALID_GGUF", [counts(1, 0), tensor([], 0, 0), filler]],
    ["five dimensions", "INVALID_GGUF", [counts(1, 0), tensor([1, 1, 1, 1, 1], 0, 0), filler]],
    ["a dimension of 0", "INVALID_GGUF", [counts(1, 0), tensor([4, 0], 0, 0), filler]],
    ["dimensions that overflow", "INVALID_GGUF", [counts(1, 0), tensor([2 ** 31, 2 ** 31], 0, 0), filler]],
    ["a dimension above 2^53", "INVALID_GGUF", [counts(1, 0), tensor([huge], 0, 0), filler]],
    ["rows that end within a block", "INVALID_GGUF", [counts(1, 0), tensor([48], 2, 0), filler]],
    ["an unknown tensor type", "UNSUPPORTED_DTYPE", [counts(1, 0), tensor([4], 99, 0), filler]],
    ["a type that is not supported", "UNSUPPORTED_DTYPE", [counts(1, 0), tensor([256], 16, 0), filler]],
    ["an offset that is not aligned", "INVALID_GGUF", [counts(1, 0), tensor([4], 0, 8), filler]],
    ["an offset above the file", "GGUF_TRUNCATED", [counts(1, 0), tensor([4], 0, huge), filler]],
    ["a tensor above the file", "GGUF_TRUNCATED", [counts(1, 0), tensor([4096], 0, 0), filler]],
    ["a tensor twice", "TENSOR_DUPLICATED", [counts(2, 0), tensor([4], 0, 0), tensor([4], 0, 32), filler]],
    [
      "tensors that overlap",
      "INVALID_GGUF",
      [counts(2, 0), tensor([16], 0, 0), Buffer.from(tensor([16], 0, 32)).fill("u", 8, 9), filler],
    ],
    [
      "an alignment that is no power of two",
      "INVALID_GGUF",
      [counts(0, 1), pair("general.alignment", 4, u32Bytes(24)), filler],
    ],
    [
      "a header that never ends",
      "GGUF_HEADER_TOO_LARGE",
      [counts(0, 1), pair("a", 9, u32Bytes(0), u64Bytes(2 ** 27)), new Uint8Array(2 ** 27 + 64)],
    ],
  ])("%s", async (_title, code, parts) => {
    const files = createMemoryFiles({ [path]: Buffer.concat(parts) });
    await expectModelError(code, async () => readGgufHeader(await openFile(files, path), () => true));
    expect(files.largestRead()).toBeLessThanOrEqual(2 ** 20);
  });

  it.each([0, 3, 48, 2 ** 31 + 1])("an alignment of %i", async (value) => {
    const bytes = Buffer.concat([counts(0, 1), pair("general.alignment", 4, u32Bytes(value)), filler]);
    await expectModelError("INVALID_GGUF", async () => read(bytes));
  });

  it.each<[number, string]>([
    [9, "Q8_1"],
    [15, "Q8_K"],
    [16, "IQ2_XXS"],
    [17, "IQ2_XS"],
    [18, "IQ3_XXS"],
    [19, "IQ1_S"],
    [21, "IQ3_S"],
    [22, "IQ2_S"],
    [29, "IQ1_M"],
    [34, "TQ1_0"],
    [35, "TQ2_0"],
    [40, "NVFP4"],
  ])("type %i by its name, %s", async (type, name) => {
    const bytes = Buffer.concat([counts(1, 0), tensor([256], type, 0), filler]);
    const error = await expectModelError("UNSUPPORTED_DTYPE", async () => read(bytes));
    expect(error.message).toMatch(new RegExp(`got ${name}$`));
    expect(error.tensor).toBe("t");
  });

  it("a file that ends anywhere before its end", async () => {
    const whole = encodeGguf(content);
    const { tensors } = await read(whole);
    const endByte = Math.max(...tensors.map((each) => each.endByte));
    for (let end = 0; end < endByte; end += 1) {
      await expectModelError("GGUF_TRUNCATED", async () => read(whole.subarray(0, end)));
    }
  });

  it("an array with more values than are kept, where it is kept", async () => {
    const values = { metadata: { a: arrayOf(0, [new Uint8Array(2 ** 24 + 1)]) }, tensors: {} };
    const bytes = Buffer.from(encodeGguf(values));
    bytes.writeBigUInt64LE(2n ** 24n + 1n, bytes.indexOf("a") + 1 + 8);
    expect((await read(bytes)).metadata.get("a")).toEqual({ count: 2 ** 24 + 1 });
    await expectModelError("INVALID_GGUF", async () => read(bytes, () => true));
  });
});

describe("a model with damaged bytes opens or fails with a code", () => {
  it("in each of two thousand ways", async () => {
    const random = createRandom(17);
    const whole = encodeGguf(await convertToGguf(checkpointDirectory("qwen2")));
    const headerBytes = (await read(whole)).tensors[0]?.startByte ?? 0;
    const codes = new Set<string>();
    for (let round = 0; round < 2000; round += 1) {
      const damaged = Uint8Array.from(whole);
      for (let count = 1 + Math.floor(random() * 3); count > 0; count -= 1) {
        // Lengths and counts are most of what can go wrong, and most bytes are texts: small values and all bits.
        const at = Math.floor(random() * headerBytes);
        damaged[at] = [0, 1, 0x7f, 0x80, 0xff, Math.floor(random() * 256)][Math.floor(random() * 6)] ?? 0;
      }
      const end = random() < 0.2 ? Math.floor(random() * damaged.length) : damaged.length;
      const files = createMemoryFiles({ [path]: damaged.subarray(0, end) });
      try {
        const { weights } = await openCheckpoint(path, { files });
        await weights.close();
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        codes.add(error.code);
      }
      expect(files.openCount()).toBe(0);
      expect(files.largestRead()).toBeLessThanOrEqual(2 ** 24);
    }
    expect([...codes]).toEqual(expect.arrayContaining(["GGUF_TRUNCATED", "INVALID_GGUF", "INVALID_CONFIG"]));
  });
});
