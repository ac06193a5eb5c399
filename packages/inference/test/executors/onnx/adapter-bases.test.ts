import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openAdapter, openCheckpoint, quantizeCheckpoint } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convertToGguf } from "../../../../models/test/support/convert-to-gguf.ts";
import { encodeGguf } from "../../../../models/test/support/gguf-file.ts";
import { ForwardDriver } from "../../../src/conformance/forward-driver.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { createOnnxExecutor, type OnnxExecutorOptions } from "../../../src/executors/onnx/index.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { dequantize, difference } from "../support/dequantize.ts";
import { openGolden } from "../support/golden.ts";
import { adapterDirectory, readAdapterGolden } from "../support/golden-adapters.ts";

const checkpoints = fileURLToPath(new URL("../../../../../test/fixtures/checkpoints", import.meta.url));
const workerUrl: URL = new URL(
  "../../../../models/dist/weights/quantize/quantize-worker.js",
  import.meta.url,
);

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-adapters-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Logits after the last token of each prompt of an adapter. */
async function logitsOf(
  model: ExecutorModel,
  name: string,
  options: Partial<OnnxExecutorOptions> = {},
): Promise<readonly Float32Array[]> {
  const driver = new ForwardDriver(
    await createOnnxExecutor({
      model,
      memory: new PlainMemory(),
      maxSequences: 1,
      contextTokens: 128,
      threads: 1,
      maxAdapters: 1,
      ...options,
    }),
  );
  const adapter = await openAdapter(adapterDirectory(name), { config: model.config });
  await driver.executor.adapterStorage?.load(1, adapter);
  await adapter.close();
  const rows: Float32Array[] = [];
  for (const { tokens } of readAdapterGolden(name).prompts) {
    const [row] = await driver.runAlone([{ startPosition: 0, tokenIds: tokens, adapter: 1 }]);
    if (row !== undefined) rows.push(row);
  }
  await driver.executor.dispose();
  return rows;
}

// The converter reorders rows: of queries and keys of Llama, and of what has all three of GPT-NeoX and Falcon.
describe.each(["llama2-all", "phi3-fused", "gpt-neox-fused", "falcon-groups", "gemma2-all"])(
  "%s on a base in GGUF",
  (name) => {
    test("has the logits of peft", async () => {
      const { checkpoint, prompts } = readAdapterGolden(name);
      const file = path.join(directory, `${name}.gguf`);
      await writeFile(file, encodeGguf(await convertToGguf(path.join(checkpoints, checkpoint))));
      const { config, architecture, weights } = await openCheckpoint(file);
      await weights.close();
      const rows = await logitsOf({ name, config, architecture, weights }, name);
      for (const [at, { logits }] of prompts.entries()) {
        expect(difference(rows[at]!, logits)).toBeLessThan(1e-4);
      }
    });
  },
);

describe.each([
  ["int8 in rows", { bits: 8, blockSize: "row" }],
  ["int4 in blocks of 32", { bits: 4, blockSize: 32 }],
] as const)("on a base of %s", (mode, quantization) => {
  test.each(["llama2-all", "phi3-fused", "mixtral-attention"])(
    "%s adds to what the blocks stand for",
    async (name) => {
      const stored = await openGolden(readAdapterGolden(name).checkpoint);
      const title = `${name}, ${mode}`;
      const plan = await quantizeCheckpoint({ ...stored, directory: title }, { quantization, directory });
      await plan.prepare({ threadCount: 1, workerUrl });
      const model = { ...stored, ...plan };
      const quantized = await logitsOf(model, name);
      const exact = await logitsOf(await dequantize(model, path.join(directory, `${title}.f32`)), name);
      const differences = quantized.map((row, at) => difference(row, exact[at]!)).toSorted((a, b) => a - b);
      // The activations of the base are rounded to 8 bits, which sends a token to another expert now and then.
      expect(differences[1]).toBeLessThan(0.06);
    },
  );
});

test("computes with a cache of int8", async () => {
  const { checkpoint, prompts } = readAdapterGolden("llama2-all");
  const model = await openGolden(checkpoint);
  const rows = await logitsOf(model, "llama2-all", { kvCacheDtype: "int8" });
  for (const [at, { logits }] of prompts.entries()) {
    expect(difference(rows[at]!, logits)).toBeLessThan(0.1);
  }
});
