import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openCheckpoint } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convertToGguf } from "../../../../models/test/support/convert-to-gguf.ts";
import { encodeGguf } from "../../../../models/test/support/gguf-file.ts";
import { createOnnxExecutor } from "../../../src/executors/onnx/index.ts";
import { executorCases } from "../../../src/testing.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { readGolden } from "../support/golden.ts";

const checkpoints = fileURLToPath(new URL("../../../../../test/fixtures/checkpoints", import.meta.url));

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-gguf-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

// The order of Llama's rows, biases, norms of heads, scaled rotation, tied and untied heads, and dense types in place.
// Not here: checkpoints with sliding windows, which GGUF does not describe for Llama and Qwen, and factors of attention
// that llama.cpp knows by the size of a model.
describe.each([
  "llama2",
  "llama3",
  "llama31",
  "llama-heads10",
  "llama-linear",
  "llama-yarn",
  "llama-bias",
  "llama-f16",
  "mistral-headdim",
  "phi",
  "phi-groups",
  "phi3",
  "phi35",
  "phi4-mini",
  "stablelm",
  "stablelm2-12b",
  "qwen2",
  "qwen2-untied",
  "qwen3",
  "falcon",
  "falcon-groups",
  "falcon2",
  "gemma",
  "gemma2",
  "gemma3-v5",
  "cohere",
  "cohere-qk-norm",
  "cohere2",
  "gpt2",
  "gpt-oss",
  "granite",
  "internlm2",
  "internlm3",
  "minicpm",
  "olmo2",
  "olmo3",
  "pythia",
  "mixtral",
  "olmoe",
  "qwen2-moe",
  "qwen3-moe",
  "smollm3",
  "starcoder2-untied",
])("%s as GGUF", (name) => {
  test("computes what transformers does with the checkpoint", async () => {
    const file = path.join(directory, `${name}.gguf`);
    await writeFile(file, encodeGguf(await convertToGguf(path.join(checkpoints, name))));
    const { config, architecture, weights, warnings } = await openCheckpoint(file);
    await weights.close();
    expect(warnings).toEqual([]);
    const model = { name, config, architecture, weights };
    const cases = executorCases({
      create: (sizes) => createOnnxExecutor({ model, memory: new PlainMemory(), ...sizes }),
      prompts: readGolden(name),
    });
    for (const each of cases) await each.run();
  });
});
