import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { resolveWeightFiles } from "../../../../src/executors/onnx/graph/weight-files.ts";

let root: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(os.tmpdir(), "infernode-files-")));
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function touch(...parts: string[]): Promise<string> {
  const file = path.join(root, ...parts);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, "");
  return file;
}

test("names one file relative to its folder", async () => {
  const file = await touch("model.safetensors");
  expect(await resolveWeightFiles([file, file])).toEqual({
    rootDirectory: root,
    locations: new Map([[file, "model.safetensors"]]),
  });
});

test("finds the folder that several files have in common", async () => {
  const files = [await touch("a", "b", "1.safetensors"), await touch("a", "bc", "2.safetensors")];
  const { rootDirectory, locations } = await resolveWeightFiles(files);
  expect(rootDirectory).toBe(path.join(root, "a"));
  expect([...locations.values()]).toEqual(["b/1.safetensors", "bc/2.safetensors"]);
});

test("follows the links of a Hugging Face cache to its blobs", async () => {
  const blob = await touch("blobs", "4f2a");
  const link = path.join(root, "snapshots", "main", "model.safetensors");
  await mkdir(path.dirname(link), { recursive: true });
  await symlink(path.relative(path.dirname(link), blob), link);
  const { rootDirectory, locations } = await resolveWeightFiles([link]);
  expect(rootDirectory).toBe(path.join(root, "blobs"));
  expect(locations.get(link)).toBe("4f2a");
});

test("keeps a folder whose name begins with two dots apart from its parent", async () => {
  const files = [await touch("a", "1"), await touch("a", "..b", "2")];
  expect((await resolveWeightFiles(files)).rootDirectory).toBe(path.join(root, "a"));
});

test("names a file that is not there", async () => {
  const missing = path.join(root, "model.safetensors");
  await expect(resolveWeightFiles([missing])).rejects.toMatchObject({
    code: "EXECUTOR_FAILED",
    message: expect.stringContaining(missing),
  });
});
