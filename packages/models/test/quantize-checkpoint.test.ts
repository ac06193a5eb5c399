import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  openCheckpoint,
  quantizationRecipes,
  quantizeCheckpoint,
  type QuantizedCheckpoint,
} from "../src/index.ts";
import { createNodeFileAccess } from "../src/files/node-file-access.ts";
import { listCachedWeights, makeRoomInCache } from "../src/weights/quantize/weight-cache.ts";
import { readSafetensorsHeader } from "../src/weights/safetensors/read-safetensors.ts";
import { checkpointDirectory } from "./support/fixtures.ts";

/** A thread runs JavaScript: these tests run on the sources, and take the thread's file from the build. */
const workerUrl: URL = new URL("../dist/weights/quantize/quantize-worker.js", import.meta.url);
const prepareOptions = { threadCount: 2, workerUrl };

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-quantize-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function planFor(
  directory: string,
  source: string = checkpointDirectory("llama2"),
): Promise<QuantizedCheckpoint> {
  const checkpoint = await openCheckpoint(source);
  onTestFinished(() => checkpoint.weights.close());
  return quantizeCheckpoint(checkpoint, { quantization: { bits: 4, blockSize: 32 }, directory });
}

beforeAll(async () => {
  await stat(workerUrl);
});

test.each(["llama2", "qwen3"])("int4 has keys, values and the head of %s in 8 bits", async (name) => {
  const checkpoint = await openCheckpoint(checkpointDirectory(name));
  onTestFinished(() => checkpoint.weights.close());
  const recipe = quantizationRecipes.int4;
  const { quantizedWeights } = await quantizeCheckpoint(checkpoint, {
    ...recipe,
    directory: await scratch(),
  });
  const bitsOf = (weight: string): unknown =>
    (quantizedWeights.get(weight) as { readonly bits: number } | undefined)?.bits;
  const parts = ["k_proj", "v_proj", "q_proj", "o_proj"].map(
    (part) => `model.layers.0.self_attn.${part}.weight`,
  );
  expect(["lm_head.weight", ...parts].map(bitsOf)).toEqual([8, 8, 8, 4, 4]);
  expect(bitsOf("model.layers.0.mlp.down_proj.weight")).toBe(4);
});

test("writes a safetensors file with the planned tensors, once", async () => {
  const plan = await planFor(await scratch());
  const progress: number[] = [];
  const onProgress = (done: number, total: number): void => void progress.push(done / total);
  expect(await plan.prepare({ ...prepareOptions, onProgress })).toBe("written");
  expect(progress.at(-1)).toBe(1);
  const { path, sizeBytes } = plan.file;
  expect((await stat(path)).size).toBe(sizeBytes);
  const file = await createNodeFileAccess().open(path);
  const tensors = await readSafetensorsHeader({ path, file });
  await file.close();
  const weight = plan.weights.weight("model.layers.0.mlp.down_proj.weight");
  expect(weight).toMatchObject({ encoding: "block-quantized", bits: 4, blockSize: 32 });
  if (weight?.encoding !== "block-quantized") return;
  expect(tensors).toEqual(expect.arrayContaining([weight.data, weight.scales]));
  expect(plan.weights.weight("model.norm.weight")?.encoding).toBe("dense");
  const written = await readFile(path);
  expect(await (await planFor(join(path, ".."))).prepare(prepareOptions)).toBe("found");
  expect(await readFile(path)).toEqual(written);
});

describe("a file that is not what was planned is written anew", () => {
  test.each<[string, (path: string, sizeBytes: number) => Promise<void>]>([
    ["truncated", (path, sizeBytes) => truncate(path, sizeBytes - 1)],
    ["empty", (path) => truncate(path, 0)],
    [
      "one bit of its data changed",
      async (path, sizeBytes) => {
        const file = await open(path, "r+");
        const byte = new Uint8Array(1);
        await file.read(byte, 0, 1, sizeBytes - 100);
        await file.write(Uint8Array.of((byte[0] ?? 0) ^ 1), 0, 1, sizeBytes - 100);
        await file.close();
      },
    ],
    ["another file", (path, sizeBytes) => writeFile(path, new Uint8Array(sizeBytes))],
  ])("%s", async (_title, damage) => {
    const plan = await planFor(await scratch());
    await plan.prepare(prepareOptions);
    const whole = await readFile(plan.file.path);
    await damage(plan.file.path, plan.file.sizeBytes);
    expect(await plan.prepare(prepareOptions)).toBe("written");
    expect(await readFile(plan.file.path)).toEqual(whole);
  });
});

test("several at the same time leave one whole file and nothing else", async () => {
  const directory = await scratch();
  const plans = await Promise.all(Array.from({ length: 4 }, () => planFor(directory)));
  await Promise.all(plans.map((plan) => plan.prepare(prepareOptions)));
  expect(await readdir(directory)).toHaveLength(1);
  expect(await plans[0]?.prepare(prepareOptions)).toBe("found");
});

test("a process that is killed while it writes leaves nothing that is read, and what it leaves is removed", async () => {
  const directory = await scratch();
  const built = new URL("../dist/index.js", import.meta.url).href;
  const program = `
    import { openCheckpoint, quantizeCheckpoint } from ${JSON.stringify(built)};
    const checkpoint = await openCheckpoint(${JSON.stringify(checkpointDirectory("llama2"))});
    const plan = await quantizeCheckpoint(checkpoint, { quantization: { bits: 4, blockSize: 32 }, directory: ${JSON.stringify(directory)} });
    await plan.prepare({ threadCount: 1, onProgress: () => process.kill(process.pid, "SIGKILL") });
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  expect(signal).toBe("SIGKILL");
  expect((await readdir(directory)).map((name) => name.endsWith(".partial"))).toEqual([true]);
  expect(await listCachedWeights(directory)).toEqual([]);
  await makeRoomInCache(directory, { maxBytes: 2 ** 40, neededBytes: 0 });
  expect(await readdir(directory)).toEqual([]);
  expect(await (await planFor(directory)).prepare(prepareOptions)).toBe("written");
});

test("a weight that is not finite is named, and nothing is left", async () => {
  const directory = await scratch();
  const source = join(await scratch(), "model");
  await cp(checkpointDirectory("llama2"), source, { recursive: true });
  const checkpoint = await openCheckpoint(source);
  const weight = checkpoint.weights.weight("model.layers.1.self_attn.k_proj.weight");
  await checkpoint.weights.close();
  if (weight?.encoding !== "dense") throw new Error("expected a dense weight");
  await chmod(weight.data.filePath, 0o644);
  const file = await open(weight.data.filePath, "r+");
  // All bits of an exponent, and one of a fraction, in every dtype.
  await file.write(Uint8Array.of(0xff, 0xff, 0xff, 0x7f), 0, 4, weight.data.startByte + 8);
  await file.close();
  await expect((await planFor(directory, source)).prepare(prepareOptions)).rejects.toMatchObject({
    code: "QUANTIZE_FAILED",
    tensor: "model.layers.1.self_attn.k_proj.weight",
    message: expect.stringContaining("row 0, block 0"),
  });
  expect(await readdir(directory)).toEqual([]);
});

test("is stopped by its signal, with the signal's reason", async () => {
  const directory = await scratch();
  const controller = new AbortController();
  const plan = await planFor(directory);
  const stopped = new Error("stopped");
  const onProgress = (): void => controller.abort(stopped);
  await expect(plan.prepare({ ...prepareOptions, onProgress, signal: controller.signal })).rejects.toBe(
    stopped,
  );
  expect(await readdir(directory)).toEqual([]);
});

test("a directory that cannot be written to is a clear error", async () => {
  const plan = await planFor(join(await scratch(), "absent"));
  await expect(plan.prepare(prepareOptions)).rejects.toMatchObject({
    code: "QUANTIZE_FAILED",
    file: plan.file.path,
  });
});

test("the cache keeps what was used last, within its size", async () => {
  const directory = await scratch();
  for (const source of ["llama2", "llama3", "qwen2"]) {
    await (await planFor(directory, checkpointDirectory(source))).prepare(prepareOptions);
  }
  const all = await listCachedWeights(directory);
  expect(all.map(({ source }) => source?.split("/").at(-1))).toEqual(["qwen2", "llama3", "llama2"]);
  expect(all[0]).toMatchObject({ quantization: "int4, blocks of 32", sizeBytes: expect.any(Number) });
  const kept = all[0]?.sizeBytes ?? 0;
  const removed = await makeRoomInCache(directory, { maxBytes: kept + 10, neededBytes: 5 });
  expect(removed.map(({ key }) => key).toSorted()).toEqual(
    all
      .slice(1)
      .map(({ key }) => key)
      .toSorted(),
  );
  expect(await listCachedWeights(directory)).toHaveLength(1);
});
