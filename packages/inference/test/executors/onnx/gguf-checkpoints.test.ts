import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openCheckpoint } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convertToGguf } from "../../../../models/test/support/convert-to-gguf.ts";
import { supportedFamilies } from "../../../../models/src/families/registry.ts";
import { encodeGguf } from "../../../../models/test/support/gguf-file.ts";
import { createOnnxExecutor } from "../../../src/executors/onnx/index.ts";
import { executorCases } from "../../../src/testing.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { comparisons, goldenNames, openGolden, readGolden } from "../support/golden.ts";

const checkpoints = fileURLToPath(new URL("../../../../../test/fixtures/checkpoints", import.meta.url));

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-gguf-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const windows = "GGUF describes no windows of this family";
/** Checkpoints that are not compared as GGUF, and why. */
const withoutGguf: Readonly<Record<string, string>> = {
  "falcon-sequential": "llama.cpp has no such blocks of Falcon",
  gemma3: "llama.cpp knows the scale of attention by the size of a model",
  "gemma3-images": "a directory with a vision tower is two files, the text as of Gemma 3",
  "gpt2-untied": "llama.cpp knows GPT-2's scale of attention without the file",
  "ministral3-images": "a directory with a vision tower is two files, the text as of Ministral 3",
  mistral: windows,
  mistral3: "a directory with a vision tower is two files, the text as of Mistral",
  "qwen2-window": windows,
  "smollm3-window": windows,
  starcoder2: windows,
};
const names = goldenNames().filter((name) => !Object.hasOwn(withoutGguf, name));

test("compares a checkpoint of every family", async () => {
  const models = await Promise.all(names.map(openGolden));
  const found = new Set(models.map(({ config }) => config.family));
  expect(supportedFamilies.filter((family) => !found.has(family))).toEqual([]);
  expect(goldenNames()).toEqual(expect.arrayContaining(Object.keys(withoutGguf)));
});

// The order of Llama's rows, biases, norms of heads, scaled rotation, tied and untied heads, and dense types in place.
describe.each(names)("%s as GGUF", (name) => {
  test("computes what transformers does with the checkpoint", async () => {
    const file = path.join(directory, `${name}.gguf`);
    await writeFile(file, encodeGguf(await convertToGguf(path.join(checkpoints, name))));
    const { config, architecture, weights, warnings } = await openCheckpoint(file);
    await weights.close();
    expect(warnings).toEqual([]);
    const model = { name, config, architecture, weights };
    const cases = executorCases({
      create: (sizes) => createOnnxExecutor({ model, memory: new PlainMemory(), threads: 1, ...sizes }),
      prompts: readGolden(name),
    });
    // The network is that of the checkpoint (conformance.test.ts): its weights come from elsewhere.
    for (const each of comparisons(cases)) await each.run();
  });
});
