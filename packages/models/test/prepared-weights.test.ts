import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readdir, readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  findPreparedWeights,
  listCachedWeights,
  makeRoomInCache,
  openCheckpoint,
  quantizeCheckpoint,
  touchCachedWeights,
  writePreparedWeights,
  type CopiedTensor,
  type QuantizedCheckpoint,
  type TensorInfo,
} from "../src/index.ts";
import { hasStamp } from "../src/weights/quantize/file-stamp.ts";
import { checkpointDirectory } from "./support/fixtures.ts";

/** Threads run JavaScript: these tests run on the sources, and take the threads' files from the build. */
const workerUrl: URL = new URL("../dist/weights/quantize/quantize-worker.js", import.meta.url);
const rangeWorkerUrl: URL = new URL("../dist/weights/prepared/range-worker.js", import.meta.url);
const threads = { threadCount: 2, rangeWorkerUrl };
const target = { key: "0123456789abcdef", description: "a library on a processor" };
const gateName = "model.layers.0.mlp.gate_proj.weight";

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-prepared-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function planFor(directory: string): Promise<QuantizedCheckpoint> {
  const checkpoint = await openCheckpoint(checkpointDirectory("llama2"));
  onTestFinished(() => checkpoint.weights.close());
  return quantizeCheckpoint(checkpoint, { quantization: { bits: 4, blockSize: 32 }, directory });
}

/** As the copies of a runtime: two parts of the gate's numbers. */
async function makeCopies(plan: QuantizedCheckpoint, directory: string): Promise<readonly CopiedTensor[]> {
  const filePath = join(directory, "copies");
  await writeFile(filePath, Buffer.alloc(10_000, 7));
  const parts = [
    { filePath, startByte: 0, endByte: 5000 },
    { filePath, startByte: 5000, endByte: 10_000 },
  ];
  const weight = plan.weights.weight(gateName);
  return [{ tensorName: weight?.data.name ?? "", copies: [{ key: "Product+1", parts }] }];
}

async function write(plan: QuantizedCheckpoint): Promise<string> {
  await plan.prepare({ threadCount: 2, workerUrl });
  const weights = await writePreparedWeights(plan, {
    ...threads,
    target,
    makeCopies: ({ directory }) => makeCopies(plan, directory),
  });
  const path = weights?.weight(gateName)?.data.filePath ?? "";
  await expect.poll(() => hasStamp(path)).toBe(true);
  return path;
}

const bytesOf = async ({ filePath, startByte, endByte }: TensorInfo): Promise<Buffer> =>
  (await readFile(filePath)).subarray(startByte, endByte);

test("has the quantized weights, byte for byte, and their copies, in place of the file without", async () => {
  const directory = await scratch();
  const plan = await planFor(directory);
  await plan.prepare({ threadCount: 2, workerUrl });
  const gate = plan.weights.weight(gateName);
  if (gate?.encoding !== "block-quantized") throw new Error("expected a quantized weight");
  const wanted = [await bytesOf(gate.data), await bytesOf(gate.scales)];
  const path = await write(plan);
  expect(await readdir(directory)).toEqual([
    expect.stringMatching(/-0123456789abcdef\.safetensors$/),
    expect.stringMatching(/\.safetensors\.verified$/),
  ]);
  const found = await findPreparedWeights(await planFor(directory), target, threads);
  const weight = found?.weight(gateName);
  if (weight?.encoding !== "block-quantized") throw new Error("expected a quantized weight");
  expect([await bytesOf(weight.data), await bytesOf(weight.scales)]).toEqual(wanted);
  expect(weight.data.filePath).toBe(path);
  const [copy] = weight.data.prepacked ?? [];
  expect(copy?.key).toBe("Product+1");
  const file = await readFile(path);
  for (const { startByte, endByte } of copy?.parts ?? []) {
    expect(startByte % 4096).toBe(0);
    expect(file.subarray(startByte, endByte)).toEqual(Buffer.alloc(5000, 7));
  }
  expect(found?.weight("model.norm.weight")?.encoding).toBe("dense");
  expect(await findPreparedWeights(plan, { ...target, key: "another" }, threads)).toBeUndefined();
  expect(await listCachedWeights(directory)).toMatchObject([
    { quantization: "int4, blocks of 32", preparedFor: target.description, path },
  ]);
});

/** Flips one bit; as times of files are coarse, the time of the last change is another one too. */
async function flipBit(path: string, position: number): Promise<void> {
  const file = await open(path, "r+");
  const byte = new Uint8Array(1);
  await file.read(byte, 0, 1, position);
  await file.write(Uint8Array.of((byte[0] ?? 0) ^ 1), 0, 1, position);
  await file.close();
  await utimes(path, new Date(0), new Date(0));
}

describe("a file that is not what was written is not used", () => {
  test.each<[string, (path: string, sizeBytes: number) => Promise<void>]>([
    ["truncated", (path, sizeBytes) => truncate(path, sizeBytes - 1)],
    ["empty", (path) => truncate(path, 0)],
    ["one bit of a copy changed", (path, sizeBytes) => flipBit(path, sizeBytes - 10)],
    ["one bit of the first tensor changed", async (path) => flipBit(path, (await dataStart(path)) + 9)],
    [
      "one bit of the header changed",
      async (path) => flipBit(path, (await readFile(path)).indexOf("Product+1") + 8),
    ],
    ["another file", (path, sizeBytes) => writeFile(path, new Uint8Array(sizeBytes))],
  ])("%s", async (_title, damage) => {
    const plan = await planFor(await scratch());
    const path = await write(plan);
    const whole = await readFile(path);
    await damage(path, whole.length);
    expect(await findPreparedWeights(plan, target, threads)).toBeUndefined();
    await write(plan);
    expect(await readFile(path)).toEqual(whole);
  });
});

async function dataStart(path: string): Promise<number> {
  const file = await readFile(path);
  return 8 + Number(file.readBigUInt64LE(0));
}

test("is compared with its checksums where nothing notes that it was, and then noted", async () => {
  const directory = await scratch();
  const plan = await planFor(directory);
  const path = await write(plan);
  await utimes(path, new Date(), new Date());
  expect(await hasStamp(path)).toBe(false);
  expect(await findPreparedWeights(plan, target, threads)).toBeDefined();
  expect(await hasStamp(path)).toBe(true);
  // A use is noted without changing the file.
  await touchCachedWeights(path);
  expect(await hasStamp(path)).toBe(true);
});

test("where the copies cannot be made, the file without them is there as it was, and nothing else", async () => {
  const directory = await scratch();
  const plan = await planFor(directory);
  await plan.prepare({ threadCount: 2, workerUrl });
  const whole = await readFile(plan.file.path);
  const failing = writePreparedWeights(plan, {
    ...threads,
    target,
    makeCopies: async ({ weights, directory: into }) => {
      // They are read where they are meanwhile.
      const gate = weights.weight(gateName);
      expect(gate?.encoding === "block-quantized" && (await bytesOf(gate.data)).length).toBeGreaterThan(0);
      await writeFile(join(into, "copies"), "some");
      throw new Error("no such operator");
    },
  });
  await expect(failing).rejects.toThrow("no such operator");
  expect(await readdir(directory)).toEqual([basename(plan.file.path)]);
  expect(await readFile(plan.file.path)).toEqual(whole);
  expect(await plan.prepare({ threadCount: 2, workerUrl })).toBe("found");
});

test("several at the same time leave one whole file", async () => {
  const directory = await scratch();
  const plans = await Promise.all(Array.from({ length: 4 }, () => planFor(directory)));
  const [first] = plans;
  if (first === undefined) return;
  await first.prepare({ threadCount: 2, workerUrl });
  const results = await Promise.allSettled(
    plans.map((plan) =>
      writePreparedWeights(plan, {
        ...threads,
        target,
        makeCopies: ({ directory: into }) => makeCopies(plan, into),
      }),
    ),
  );
  // Those that were late find the file that they read gone.
  expect(results.some(({ status }) => status === "fulfilled")).toBe(true);
  expect(await findPreparedWeights(first, target, threads)).toBeDefined();
  const names = await readdir(directory);
  expect(names.filter((name) => !name.endsWith(".verified"))).toHaveLength(1);
});

test("a kill at any moment leaves a whole file or none", async () => {
  const directory = await scratch();
  const built = new URL("../dist/index.js", import.meta.url).href;
  const program = `
    import { writeFile } from "node:fs/promises";
    import { openCheckpoint, quantizeCheckpoint, writePreparedWeights } from ${JSON.stringify(built)};
    const checkpoint = await openCheckpoint(${JSON.stringify(checkpointDirectory("llama2"))});
    const plan = await quantizeCheckpoint(checkpoint, { quantization: { bits: 4, blockSize: 32 }, directory: ${JSON.stringify(directory)} });
    const { data } = plan.weights.weight(${JSON.stringify(gateName)});
    process.stdout.write("ready\\n");
    for (;;) {
      await plan.prepare({ threadCount: 1 });
      await writePreparedWeights(plan, {
        threadCount: 1,
        target: ${JSON.stringify(target)},
        makeCopies: async ({ directory: into }) => {
          await writeFile(into + "/copies", Buffer.alloc(2e6, 7));
          const part = { filePath: into + "/copies", startByte: 0, endByte: 2e6 };
          return [{ tensorName: data.name, copies: [{ key: "Product+1", parts: [part] }] }];
        },
      });
    }
  `;
  for (let killMs = 1; killMs < 200; killMs *= 1.8) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    // Any moment will do: a slow machine is killed at an earlier one.
    await new Promise((resolve) => setTimeout(resolve, killMs));
    child.kill("SIGKILL");
    await once(child, "exit");
    const plan = await planFor(directory);
    const found = await findPreparedWeights(plan, target, threads);
    const path = found?.weight(gateName)?.data.filePath;
    expect(path === undefined || (await readFile(path)).includes("Product+1")).toBe(true);
    const names = (await readdir(directory)).filter((name) => name.endsWith("-0123456789abcdef.safetensors"));
    expect(names).toHaveLength(path === undefined ? 0 : 1);
  }
  await makeRoomInCache(directory, { maxBytes: 2 ** 40, neededBytes: 0 });
  expect((await readdir(directory)).filter((name) => name.endsWith(".partial"))).toEqual([]);
});
