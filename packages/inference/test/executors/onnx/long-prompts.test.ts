import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Chunk, ForwardDriver, GreedySequence } from "../../../src/conformance/forward-driver.ts";
import { createOnnxExecutor } from "../../../src/executors/onnx/index.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import {
  type LongPrompt,
  type LongPromptCase,
  openLongPromptModel,
  readLongPrompts,
} from "../support/long-prompts.ts";

const golden = readLongPrompts();
const { contextTokens, originalTokens } = golden;

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-long-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Without a scaling, a model is run in its context only; what is computed beyond is tested all the same. */
async function openLong(each: LongPromptCase) {
  const model = await openLongPromptModel(each, directory);
  expect(model.config.contextTokens).toBe(each.name === "default" ? originalTokens : contextTokens);
  const config = { ...model.config, contextTokens };
  return {
    model: { ...model, config },
    memory: new PlainMemory(),
    sizes: { maxSequences: each.prompts.length, maxChunkTokens: 100 },
  };
}

function floatsOf(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

function meanSquare(numbers: Float32Array): number {
  return numbers.reduce((sum, each) => sum + each * each, 0) / numbers.length;
}

function expectLogits(found: Float32Array | undefined, { logits }: LongPrompt): void {
  const wanted = floatsOf(logits);
  const largest = wanted.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
  const worst = wanted.reduce(
    (most, logit, at) => Math.max(most, Math.abs(logit - (found?.[at] ?? Number.NaN))),
    0,
  );
  expect(worst / largest).toBeLessThan(1e-4);
}

/** Chunks of a prompt whose whole length is known, as an engine makes them. */
function chunksOf(tokens: readonly number[], lengths: readonly number[]): Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  for (let index = 0; start < tokens.length; index += 1) {
    const tokenIds = tokens.slice(start, start + lengths[index % lengths.length]!);
    const isEnd = start + tokenIds.length === tokens.length;
    const logitCount = isEnd ? 1 : 0;
    chunks.push({ startPosition: start, tokenIds, logitCount, knownLength: tokens.length });
    start += tokenIds.length;
  }
  return chunks;
}

describe.each(golden.cases)("$name", (each) => {
  const { prompts } = each;
  let driver: ForwardDriver;
  beforeAll(async () => {
    const { model, memory, sizes } = await openLong(each);
    driver = new ForwardDriver(await createOnnxExecutor({ model, memory, ...sizes }));
  });
  afterAll(() => driver.executor.dispose());

  test("has prompts of twice and eight times the original length", () => {
    expect(prompts.map(({ tokens }) => tokens.length)).toEqual([24, 2 * originalTokens, 8 * originalTokens]);
    expect(prompts.map(({ greedy }) => greedy.length)).toEqual([64, 64, 64]);
  });

  test("computes the logits of transformers, in one go and in chunks", async () => {
    for (const prompt of prompts) {
      for (const lengths of [[Infinity], [13], [7, 1, 1, 30, 1]]) {
        const rows = await driver.runAlone(chunksOf(prompt.tokens, lengths));
        expectLogits(rows.at(-1), prompt);
      }
    }
  });

  test("continues as generate of transformers does", async () => {
    for (const { tokens, greedy } of prompts) {
      const sequence = new GreedySequence(driver, tokens);
      while (sequence.generated.length < greedy.length) await driver.step([sequence]);
      sequence.release();
      expect(sequence.generated).toEqual(greedy);
    }
  });

  test("computes nearly the same on a cache of int8", async () => {
    const { model, memory, sizes } = await openLong(each);
    await using executor = await createOnnxExecutor({ model, memory, ...sizes, kvCacheDtype: "int8" });
    const rounded = new ForwardDriver(executor);
    for (const { tokens, logits } of prompts) {
      const rows = await rounded.runAlone(chunksOf(tokens, [50, 1]));
      const wanted = floatsOf(logits);
      const worst = wanted.map((logit, at) => logit - (rows.at(-1)?.[at] ?? Number.NaN));
      expect(meanSquare(worst)).toBeLessThan(0.16 ** 2 * meanSquare(wanted));
    }
  });

  test("continues so beside others, shorter and longer", async () => {
    const sequences = prompts.map(({ tokens }) => new GreedySequence(driver, tokens));
    for (let step = 0; step < 64; step += 1) await driver.step(sequences);
    for (const [index, { greedy }] of prompts.entries()) {
      expect(sequences[index]?.generated).toEqual(greedy);
      sequences[index]?.release();
    }
  });
});
