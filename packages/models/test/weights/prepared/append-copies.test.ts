import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openCheckpoint, quantizeCheckpoint, type CopiedTensor } from "../../../src/index.ts";
import { appendCopies, type CopyGroup } from "../../../src/weights/prepared/append-copies.ts";
import { readTensorFile } from "../../../src/weights/prepared/tensor-file.ts";
import { checkpointDirectory } from "../../support/fixtures.ts";

const workerUrl: URL = new URL("../../../dist/weights/quantize/quantize-worker.js", import.meta.url);
const rangeWorkerUrl: URL = new URL("../../../dist/weights/prepared/range-worker.js", import.meta.url);
const threads = { threadCount: 2, rangeWorkerUrl };

/** Quantized weights on disk, each a group of its own. */
async function writeWeights(): Promise<{ path: string; sizeBytes: number; groups: readonly CopyGroup[] }> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-append-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const checkpoint = await openCheckpoint(checkpointDirectory("llama2"));
  onTestFinished(() => checkpoint.weights.close());
  const plan = await quantizeCheckpoint(checkpoint, {
    quantization: { bits: 8, blockSize: "row" },
    directory,
  });
  await plan.prepare({ threadCount: 2, workerUrl });
  const groups = Array.from(plan.quantizedWeights.keys(), (name) => ({ weightNames: [name], sizeBytes: 10 }));
  return { ...plan.file, groups };
}

/** Two copies of a weight, one of them in two parts, whose bytes tell which weight they are of. */
async function makeCopies(
  [name = ""]: readonly string[],
  directory: string,
): Promise<readonly CopiedTensor[]> {
  expect(await readdir(directory)).toEqual([]);
  const filePath = join(directory, "weights");
  await writeFile(filePath, contentOf(name));
  const range = (startByte: number, endByte: number) => ({ filePath, startByte, endByte });
  const copies = [
    { key: `A+${name}`, parts: [range(0, 5000), range(5000, 5010)] },
    { key: `B+${name}`, parts: [range(5010, 9000)] },
  ];
  return [
    { tensorName: `${name}.q`, copies },
    { tensorName: "of another file", copies },
  ];
}

const contentOf = (name: string): Buffer => Buffer.alloc(9000, `${name} `);

test("groups of copies become part of one file, whose tensors stay what they were", async () => {
  const { path, groups } = await writeWeights();
  const before = await readFile(path);
  const progress: number[] = [];
  const onProgress = (done: number, total: number): void => void progress.push(done / total);
  await appendCopies(path, { groups, makeCopies, metadata: { by: "a test" } }, { ...threads, onProgress });
  expect(progress).toEqual(groups.map((_group, index) => (index + 1) / groups.length));
  expect(await readdir(join(path, ".."))).toHaveLength(1);

  const file = await readTensorFile(path);
  expect(await file.verify(threads)).toBe(true);
  expect(file.metadata).toMatchObject({ by: "a test", quantization: "int8, one block a row" });
  const bytes = await readFile(path);
  const dataStart = file.tensors[0]?.startByte ?? 0;
  expect(bytes.subarray(dataStart, before.length)).toEqual(before.subarray(dataStart));
  for (const { weightNames } of groups) {
    const [name = ""] = weightNames;
    const copies = file.tensors.find((tensor) => tensor.name === `${name}.q`)?.prepacked ?? [];
    expect(copies.map(({ key }) => key)).toEqual([`A+${name}`, `B+${name}`]);
    const parts = copies.flatMap((copy) => copy.parts);
    expect(parts[0]?.startByte).toSatisfy((start: number) => start % 4096 === 0);
    const joined = parts.map(({ startByte, endByte }) => bytes.subarray(startByte, endByte));
    expect(Buffer.concat(joined)).toEqual(contentOf(name));
  }
});

test("after the first failure no further group is begun, and the tensors are what they were", async () => {
  const { path, sizeBytes, groups } = await writeWeights();
  const before = await readFile(path);
  let begun = 0;
  const failing = async (names: readonly string[], directory: string): Promise<readonly CopiedTensor[]> => {
    begun += 1;
    if (begun > 2) throw new Error("the third one");
    return makeCopies(names, directory);
  };
  const append = appendCopies(path, { groups, makeCopies: failing, metadata: {} }, threads);
  await expect(append).rejects.toThrow("the third one");
  expect(begun).toBeLessThanOrEqual(4);
  expect(groups.length).toBeGreaterThan(begun);
  expect(await readdir(join(path, ".."))).toHaveLength(1);
  expect((await readFile(path)).subarray(0, sizeBytes)).toEqual(before);
});

test("copies that the header has no room for are an error", async () => {
  const { path, groups } = await writeWeights();
  const metadata = { large: "x".repeat(200_000) };
  const append = appendCopies(path, { groups, makeCopies, metadata }, threads);
  await expect(append).rejects.toThrow(/expected a header of at most \d+ bytes, got \d+/);
});
