import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TensorDtype, TensorInfo } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assertFiniteWeights } from "../../src/executors/assert-finite-weights.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-finite-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

let fileCount = 0;
async function store(dtype: TensorDtype, words: Uint32Array | Uint16Array): Promise<TensorInfo> {
  const filePath = path.join(directory, `${(fileCount += 1)}.bin`);
  await writeFile(filePath, new Uint8Array(words.buffer));
  return {
    name: "w",
    dtype,
    shape: [words.length],
    filePath,
    startByte: 0,
    endByte: words.byteLength,
  };
}

describe("assertFiniteWeights", () => {
  test("takes the largest and the smallest numbers of each type", async () => {
    const tensors = [
      await store("F32", Uint32Array.of(0x7f7f_ffff, 0xff7f_ffff, 1, 0x8000_0000, 0)),
      await store("F16", Uint16Array.of(0x7bff, 0xfbff, 1, 0x8000)),
      await store("BF16", Uint16Array.of(0x7f7f, 0xff7f, 1, 0x8000)),
    ];
    await expect(assertFiniteWeights(tensors)).resolves.toBeUndefined();
  });

  test.each([
    ["F32", Uint32Array.of(0, 0x7fc0_0000, 0xff80_0000), "1 NaN and 1 infinite in w (F32"],
    ["F32", Uint32Array.of(0, 0x7f80_0001), "1 NaN in w (F32"],
    ["F16", Uint16Array.of(0, 0x7c00, 0xfc00), "2 infinite in w (F16"],
    ["BF16", Uint16Array.of(0, 0xffff), "1 NaN in w (BF16"],
  ] as const)("refuses %s with %s", async (dtype, words, found) => {
    const failure = assertFiniteWeights([await store(dtype, words)]);
    await expect(failure).rejects.toMatchObject({ code: "NON_FINITE_WEIGHTS" });
    await expect(failure).rejects.toThrow(found);
    await expect(failure).rejects.toThrow("first at index 1");
  });

  test("counts over the parts in which a tensor is read, and names three tensors", async () => {
    const words = new Uint16Array(5 * 2 ** 20);
    words[3 * 2 ** 20] = 0x7f80;
    words[words.length - 1] = 0x7f80;
    const big = await store("BF16", words);
    const tensors = ["a", "b", "c", "d"].map((name) => Object.assign({}, big, { name }));
    await expect(assertFiniteWeights(tensors)).rejects.toThrow(
      /2 infinite in a .*first at index 3145728; .* in b .* in c .*; 1 more tensors/,
    );
  });

  test("fails when a file ends early", async () => {
    const tensor = await store("F32", new Uint32Array(4));
    await expect(assertFiniteWeights([{ ...tensor, endByte: 64 }])).rejects.toMatchObject({
      code: "EXECUTOR_FAILED",
    });
  });
});
