import { describe, expect, it } from "vitest";

import { ModelError, openWeightIndex } from "../../../src/index.ts";
import type { FileAccess, ModelErrorCode, TensorInfo, WeightIndex } from "../../../src/index.ts";
import { createMemoryFiles } from "../../support/memory-files.ts";
import { expectModelError } from "../../support/model-error.ts";
import { createRandom } from "../../../../../benchmarks/lib/random.ts";
import { rawSafetensors, writeSafetensors, zeros } from "../../support/safetensors.ts";

const open = async (file: Uint8Array): Promise<WeightIndex> =>
  openWeightIndex("/m", { files: createMemoryFiles({ "/m/model.safetensors": file }) });

const tensor = (dtype: string, shape: unknown, offsets: unknown): object => ({
  dtype,
  shape,
  data_offsets: offsets,
});
const header = (tensors: object): string => JSON.stringify(tensors);

describe("a safetensors file", () => {
  it("is indexed without reading its data", async () => {
    const files = createMemoryFiles({
      "/m/model.safetensors": writeSafetensors({
        big: zeros("F32", [1000, 100]),
        half: zeros("BF16", [3, 5]),
        scalar: zeros("F32", []),
        empty: zeros("F16", [0, 7]),
      }),
    });
    const index = await openWeightIndex("/m", { files });
    expect(files.largestRead()).toBeLessThan(1000);
    expect([...index.tensors.keys()]).toEqual(["big", "half", "empty", "scalar"].toSorted(byStart(index)));
    expect(index.parameterCount).toBe(100_000 + 15 + 1);
    expect(index.totalBytes).toBe(400_000 + 30 + 4);
    expect(index.tensors.get("half")).toMatchObject({
      dtype: "BF16",
      shape: [3, 5],
      filePath: "/m/model.safetensors",
    });
    await index.close();
    expect(files.openCount()).toBe(0);
  });

  it("returns the bytes of one tensor, in the caller's buffer if there is one", async () => {
    const data = Uint8Array.from({ length: 16 }, (_, at) => at + 1);
    const index = await open(
      writeSafetensors({ a: zeros("F32", [2]), b: { dtype: "F32", shape: [4], data }, c: zeros("F16", [1]) }),
    );
    expect(await index.read("b")).toEqual(data);
    const into = new Uint8Array(20).fill(255);
    const part = await index.read("b", into);
    expect(part.buffer).toBe(into.buffer);
    expect([...into]).toEqual([...data, 255, 255, 255, 255]);
    await expectModelError("INVALID_ARGUMENT", async () => index.read("b", new Uint8Array(15)));
    await expectModelError("TENSOR_MISSING", async () => index.read("__proto__"));
    await index.close();
    await index.close();
    await expectModelError("WEIGHTS_CLOSED", async () => index.read("b"));
  });

  it("may pad its header with spaces and name tensors after Object's own members", async () => {
    const text = header({
      ["__proto__x"]: tensor("F32", [1], [0, 4]),
      constructor: tensor("U8", [2], [4, 6]),
    });
    const named = text.replace("__proto__x", "__proto__");
    const index = await open(rawSafetensors(`${named}      `, 6));
    expect([...index.tensors.keys()]).toEqual(["__proto__", "constructor"]);
    expect({}).not.toHaveProperty("dtype");
    await index.close();
  });

  it("may have no tensors", async () => {
    expect((await open(rawSafetensors("{}"))).tensors.size).toBe(0);
  });

  it("may end beyond 4 GiB", async () => {
    const sizeBytes = 5 * 2 ** 30;
    const text = header({
      first: tensor("U8", [sizeBytes - 4], [0, sizeBytes - 4]),
      last: tensor("F32", [1], [sizeBytes - 4, sizeBytes]),
    });
    const head = rawSafetensors(text);
    const index = await openWeightIndex("/m", { files: sparseFile(head, sizeBytes) });
    expect(index.totalBytes).toBe(sizeBytes);
    const last = index.tensors.get("last");
    expect(last?.endByte).toBe(head.length + sizeBytes);
    expect([...(await index.read("last"))]).toEqual(
      [1, 2, 3, 4].map((byte) => byte + ((last?.startByte ?? 0) % 7)),
    );
    await index.close();
  });

  const refused: readonly (readonly [string, Uint8Array, ModelErrorCode, string])[] = [
    ["an empty file", new Uint8Array(0), "SAFETENSORS_TRUNCATED", "got 0"],
    ["a file of 7 bytes", new Uint8Array(7), "SAFETENSORS_TRUNCATED", "got 7"],
    ["a header of gigabytes", lengthOnly(3_000_000_000n), "SAFETENSORS_HEADER_TOO_LARGE", "3000000000"],
    [
      "a header of 2^64 − 1 bytes",
      lengthOnly(2n ** 64n - 1n),
      "SAFETENSORS_HEADER_TOO_LARGE",
      "18446744073709551615",
    ],
    ["a header longer than the file", lengthOnly(99_000_000n), "SAFETENSORS_TRUNCATED", "99000008"],
    [
      "a Git LFS pointer",
      new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid"),
      "INVALID_SAFETENSORS",
      "git lfs pull",
    ],
    [
      "a header that is not UTF-8",
      rawSafetensors(Uint8Array.of(0x7b, 0xff, 0x7d)),
      "INVALID_SAFETENSORS",
      "UTF-8",
    ],
    ["a header that is not JSON", rawSafetensors("{'a':1}"), "INVALID_SAFETENSORS", "expected a string"],
    ["an empty header", rawSafetensors(""), "INVALID_SAFETENSORS", 'expected "{"'],
    ["a header that is a list", rawSafetensors("[]"), "INVALID_SAFETENSORS", 'expected "{"'],
    ["text after the header", rawSafetensors("{} x"), "INVALID_SAFETENSORS", "the end of the text"],
    ["a byte order mark", rawSafetensors("\uFEFF{}"), "INVALID_SAFETENSORS", 'expected "{"'],
    [
      "a name twice",
      rawSafetensors(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        2,
      ),
      "INVALID_SAFETENSORS",
      '"a" a second time',
    ],
    [
      "a field twice",
      rawSafetensors('{"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}}', 1),
      "INVALID_SAFETENSORS",
      '"dtype" a second time',
    ],
    [
      "an unknown field",
      rawSafetensors('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}', 1),
      "INVALID_SAFETENSORS",
      '"x"',
    ],
    [
      "a missing field",
      rawSafetensors('{"a":{"dtype":"U8","shape":[1]}}', 1),
      "INVALID_SAFETENSORS",
      "got fewer",
    ],
    [
      "three offsets",
      rawSafetensors(header({ a: tensor("U8", [1], [0, 1, 2]) }), 1),
      "INVALID_SAFETENSORS",
      "at most 2 integers",
    ],
    ["a tensor that is a number", rawSafetensors('{"a":1}', 1), "INVALID_SAFETENSORS", 'expected "{"'],
    [
      "metadata that is not text",
      rawSafetensors('{"__metadata__":{"format":1}}'),
      "INVALID_SAFETENSORS",
      "expected a string",
    ],
    [
      "metadata that is a text",
      rawSafetensors('{"__metadata__":"pt"}'),
      "INVALID_SAFETENSORS",
      'expected "{"',
    ],
    [
      "an unknown dtype",
      rawSafetensors(header({ a: tensor("F8_E4M3", [1], [0, 1]) }), 1),
      "UNSUPPORTED_DTYPE",
      "F8_E4M3",
    ],
    [
      "a dtype from Object's prototype",
      rawSafetensors(header({ a: tensor("toString", [1], [0, 1]) }), 1),
      "UNSUPPORTED_DTYPE",
      "toString",
    ],
    [
      "a negative dimension",
      rawSafetensors(header({ a: tensor("U8", [-1], [0, 1]) }), 1),
      "INVALID_SAFETENSORS",
      "integer",
    ],
    [
      "a dimension of 1.5",
      rawSafetensors(header({ a: tensor("U8", [1.5], [0, 1]) }), 1),
      "INVALID_SAFETENSORS",
      "integer",
    ],
    [
      "a dimension of 1e3",
      rawSafetensors('{"a":{"dtype":"U8","shape":[1e3],"data_offsets":[0,1000]}}', 1000),
      "INVALID_SAFETENSORS",
      "integer",
    ],
    [
      "a dimension above 2^53",
      rawSafetensors('{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,1]}}', 1),
      "INVALID_SAFETENSORS",
      "9007199254740991",
    ],
    [
      "a shape whose product overflows",
      rawSafetensors(header({ a: tensor("F32", [4294967296, 4294967296, 4294967296], [0, 0]) })),
      "INVALID_SAFETENSORS",
      "2^53",
    ],
    [
      "a shape that overflows and ends in 0",
      rawSafetensors(header({ a: tensor("F32", [4294967296, 4294967296, 0], [0, 0]) })),
      "INVALID_SAFETENSORS",
      "2^53",
    ],
    [
      "a thousand dimensions",
      rawSafetensors(header({ a: tensor("U8", Array(1000).fill(1), [0, 1]) }), 1),
      "INVALID_SAFETENSORS",
      "at most 32 integers",
    ],
    [
      "too few bytes for the shape",
      rawSafetensors(header({ a: tensor("F32", [2], [0, 4]) }), 4),
      "INVALID_SAFETENSORS",
      "expected 8 bytes",
    ],
    [
      "an end before the start",
      rawSafetensors(header({ a: tensor("U8", [1], [1, 0]) }), 1),
      "INVALID_SAFETENSORS",
      "range 1 to 0",
    ],
    [
      "ranges that overlap",
      rawSafetensors(header({ a: tensor("U8", [4], [0, 4]), b: tensor("U8", [4], [2, 6]) }), 6),
      "INVALID_SAFETENSORS",
      "overlap",
    ],
    [
      "the same range twice",
      rawSafetensors(header({ a: tensor("U8", [4], [0, 4]), b: tensor("U8", [4], [0, 4]) }), 4),
      "INVALID_SAFETENSORS",
      "overlap",
    ],
    [
      "a hole between ranges",
      rawSafetensors(header({ a: tensor("U8", [1], [0, 1]), b: tensor("U8", [1], [2, 3]) }), 3),
      "INVALID_SAFETENSORS",
      "hole",
    ],
    [
      "a hole at the start",
      rawSafetensors(header({ a: tensor("U8", [1], [1, 2]) }), 2),
      "INVALID_SAFETENSORS",
      "hole",
    ],
    [
      "a range that leaves the file",
      rawSafetensors(header({ a: tensor("U8", [9], [0, 9]) }), 8),
      "SAFETENSORS_TRUNCATED",
      "got one of",
    ],
    [
      "bytes that no tensor owns",
      rawSafetensors(header({ a: tensor("U8", [1], [0, 1]) }), 3),
      "INVALID_SAFETENSORS",
      "got one of 64",
    ],
  ];
  it.each(refused)("is refused with %s", async (...[, file, code, mention]) => {
    const files = createMemoryFiles({ "/m/model.safetensors": file });
    const error = await expectModelError(code, async () => openWeightIndex("/m", { files }));
    expect(error.message).toContain(mention);
    expect(error.message).toContain("/m/model.safetensors");
    expect(error.file).toBe("/m/model.safetensors");
    expect(files.openCount()).toBe(0);
    expect(files.largestRead()).toBeLessThanOrEqual(file.length);
  });

  it("names the tensor that is wrong", async () => {
    const text = header({
      good: tensor("U8", [1], [0, 1]),
      "model.layers.0.bad": tensor("F32", [1], [1, 2]),
    });
    const error = await expectModelError("INVALID_SAFETENSORS", async () => open(rawSafetensors(text, 2)));
    expect(error.tensor).toBe("model.layers.0.bad");
  });

  it("is refused with a code or still valid after any change of its bytes", async () => {
    const random = createRandom(20_240_607);
    const whole = writeSafetensors({
      "model.embed_tokens.weight": zeros("F32", [4, 3]),
      "model.norm.weight": zeros("BF16", [3]),
      "lm_head.weight": zeros("F16", [4, 3]),
    });
    const codes = new Set<string>();
    let accepted = 0;
    for (let round = 0; round < 4000; round += 1) {
      const file = mutate(whole, random);
      const files = createMemoryFiles({ "/m/model.safetensors": file });
      const outcome = await openAndClose(files);
      if (outcome.code === undefined) {
        accepted += 1;
      } else {
        codes.add(outcome.code);
      }
      expect(outcome.ranges.every(({ startByte, endByte }) => startByte >= 8 && endByte <= file.length)).toBe(
        true,
      );
      expect(files.largestRead()).toBeLessThanOrEqual(file.length);
      expect(files.openCount()).toBe(0);
    }
    expect(accepted).toBeGreaterThan(0);
    expect([...codes].toSorted()).toEqual([
      "INVALID_SAFETENSORS",
      "SAFETENSORS_HEADER_TOO_LARGE",
      "SAFETENSORS_TRUNCATED",
      "UNSUPPORTED_DTYPE",
    ]);
  });
});

interface Outcome {
  readonly code: string | undefined;
  readonly ranges: readonly TensorInfo[];
}

/** Rethrows anything but a ModelError. */
async function openAndClose(files: FileAccess): Promise<Outcome> {
  try {
    const index = await openWeightIndex("/m", { files });
    await index.close();
    return { code: undefined, ranges: [...index.tensors.values()] };
  } catch (error) {
    if (error instanceof ModelError) {
      return { code: error.code, ranges: [] };
    }
    throw error;
  }
}

function byStart(index: WeightIndex): (a: string, b: string) => number {
  const start = (name: string): number => index.tensors.get(name)?.startByte ?? 0;
  const end = (name: string): number => index.tensors.get(name)?.endByte ?? 0;
  return (a, b) => start(a) - start(b) || end(a) - end(b);
}

function lengthOnly(length: bigint): Uint8Array {
  const file = new Uint8Array(64);
  new DataView(file.buffer).setBigUint64(0, length, true);
  return file;
}

/** A file of `dataBytes` after its head; the byte at `at` of each read is `1 + index + start mod 7`. */
function sparseFile(head: Uint8Array, dataBytes: number): FileAccess {
  const base = createMemoryFiles({ "/m/model.safetensors": head });
  return {
    ...base,
    open: async () => ({
      sizeBytes: head.length + dataBytes,
      async read(into, startByte): Promise<number> {
        const inHead = Math.min(into.length, Math.max(0, head.length - startByte));
        if (inHead > 0) {
          into.set(head.subarray(startByte, startByte + inHead));
          return inHead;
        }
        for (let at = 0; at < into.length; at += 1) {
          into[at] = 1 + at + (startByte % 7);
        }
        return into.length;
      },
      close: async () => undefined,
    }),
  };
}

const fragments = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ",",
  ":",
  "\\",
  "\\u0000",
  "-1",
  "1e400",
  "9007199254740993",
  "null",
  "__proto__",
  "__metadata__",
  "F32",
  "BOOL",
  "data_offsets",
  "\u0000",
  "{{{{{{{{",
];

function mutate(whole: Uint8Array, random: () => number): Uint8Array {
  const pick = (limit: number): number => Math.floor(random() * limit);
  let file = whole.slice();
  const changeCount = 1 + pick(3);
  for (let change = 0; change < changeCount; change += 1) {
    const at = pick(file.length);
    switch (pick(5)) {
      case 0:
        file[at] = pick(256);
        break;
      case 1:
        file = file.slice(0, at);
        break;
      case 2: {
        const fragment = new TextEncoder().encode(fragments[pick(fragments.length)]);
        file.set(fragment.subarray(0, file.length - at), at);
        break;
      }
      case 3:
        file = Uint8Array.from([...file.subarray(0, at), ...file.subarray(Math.max(0, at - 5))]);
        break;
      default: {
        // A digit for a digit keeps the header's form and changes its numbers.
        const digits = [...file.entries()].filter(
          ([index, byte]) => index >= 8 && byte >= 0x30 && byte <= 0x39,
        );
        const [index] = digits[pick(digits.length)] ?? [0];
        file[index] = 0x30 + pick(10);
      }
    }
    if (file.length === 0) {
      return file;
    }
  }
  return file;
}
