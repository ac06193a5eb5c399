import { openAdapter } from "@infernode/models";
import { describe, expect, test } from "vitest";
import { ForwardDriver } from "../../../src/conformance/forward-driver.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { createOnnxExecutor, type OnnxExecutorOptions } from "../../../src/executors/onnx/index.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { openGolden } from "../support/golden.ts";
import { adapterDirectory, adapterNames, readAdapterGolden } from "../support/golden-adapters.ts";

const tolerance = 2e-4;
const maxAdapterRank = 8;

async function open(
  model: ExecutorModel,
  options: Partial<OnnxExecutorOptions> = {},
): Promise<ForwardDriver> {
  const memory = new PlainMemory();
  const sizes = { maxSequences: 4, contextTokens: 128, maxAdapters: 3, maxAdapterRank };
  return new ForwardDriver(await createOnnxExecutor({ model, memory, threads: 1, ...sizes, ...options }));
}

/** Loads adapters into places. */
async function load(
  driver: ForwardDriver,
  model: ExecutorModel,
  names: Readonly<Record<number, string>>,
): Promise<void> {
  for (const [place, name] of Object.entries(names)) {
    const adapter = await openAdapter(adapterDirectory(name), {
      config: model.config,
      maxRank: maxAdapterRank,
    });
    await driver.executor.adapterStorage?.load(Number(place), adapter);
    await adapter.close();
  }
}

function difference(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (a === undefined || b === undefined || a.length !== b.length) return Number.NaN;
  return a.reduce((most, value, at) => Math.max(most, Math.abs(value - b[at]!)), 0);
}

describe.each(adapterNames())("%s", (name) => {
  test("has the logits of peft, whole or in parts, and the base's without it", async () => {
    const { checkpoint, prompts } = readAdapterGolden(name);
    const model = await openGolden(checkpoint);
    const driver = await open(model);
    const base = new ForwardDriver(
      await createOnnxExecutor({
        model,
        memory: new PlainMemory(),
        threads: 1,
        maxSequences: 1,
        contextTokens: 128,
      }),
    );
    await load(driver, model, { 2: name });
    for (const { tokens, logits } of prompts) {
      const half = Math.ceil(tokens.length / 2);
      const parts = [tokens.slice(0, half), tokens.slice(half)].filter((part) => part.length > 0);
      const whole = await driver.runAlone([{ startPosition: 0, tokenIds: tokens, adapter: 2 }]);
      const inParts = await driver.runAlone(
        parts.map((tokenIds, at) => ({ startPosition: at * half, tokenIds, adapter: 2 })),
      );
      expect(difference(whole[0], logits)).toBeLessThan(tolerance);
      expect(difference(inParts.at(-1), logits)).toBeLessThan(tolerance);
      const plain = [{ startPosition: 0, tokenIds: tokens }];
      expect(await driver.runAlone(plain)).toEqual(await base.runAlone(plain));
    }
    await driver.executor.dispose();
    await base.executor.dispose();
  });
});

describe("several adapters of llama2 at once", async () => {
  const model = await openGolden("llama2");
  const prompts = readAdapterGolden("llama2-all").prompts.map(({ tokens }) => tokens);
  const tokens = prompts[1] ?? [];
  const step = [tokens[0] ?? 0];

  /** Logits of a token after a prompt, of sequences that are decoded together. */
  async function decodeTogether(
    driver: ForwardDriver,
    adapters: readonly number[],
  ): Promise<readonly Float32Array[]> {
    const sequences = adapters.map(() => driver.admit());
    for (const [at, sequence] of sequences.entries()) {
      await driver.run([{ sequence, startPosition: 0, tokenIds: tokens, adapter: adapters[at] ?? 0 }]);
    }
    const rows = await driver.run(
      sequences.map((sequence, at) => ({
        sequence,
        startPosition: tokens.length,
        tokenIds: step,
        adapter: adapters[at] ?? 0,
      })),
    );
    for (const sequence of sequences) driver.kvCache.release(sequence);
    return rows;
  }

  test.each(["ffi", "binding"] as const)(
    "gives each sequence of a batch what it gets alone, through %s",
    async (runtime) => {
      const driver = await open(model, { runtime });
      await load(driver, model, { 1: "llama2-all" });
      await load(driver, model, { 3: "llama2-patterns" });
      const adapters = [3, 0, 1, 3];
      const together = await decodeTogether(driver, adapters);
      for (const [at, adapter] of adapters.entries()) {
        const [alone] = await decodeTogether(driver, [adapter]);
        expect(difference(together[at], alone)).toBeLessThan(tolerance);
      }
      expect(difference(together[0], together[1])).toBeGreaterThan(0.1);
      expect(difference(together[0], together[2])).toBeGreaterThan(0.1);
      expect(difference(together[1], together[2])).toBeGreaterThan(0.1);
      await driver.executor.dispose();
    },
  );

  test("keeps a sequence finite beside an adapter of the largest numbers", async () => {
    const driver = await open(model);
    await load(driver, model, { 1: "llama2-all" });
    const [before] = await decodeTogether(driver, [1]);
    const adapter = await openAdapter(adapterDirectory("llama2-all"), { config: model.config });
    await driver.executor.adapterStorage?.load(2, {
      rank: adapter.rank,
      targets: adapter.targets,
      read: async (target) => {
        const { down, up } = await adapter.read(target);
        return { down: down.fill(1e9), up: up.fill(-1e9) };
      },
    });
    await adapter.close();
    const [own, , base] = await decodeTogether(driver, [1, 2, 0]);
    expect(difference(own, before)).toBeLessThan(tolerance);
    const [alone] = await decodeTogether(driver, [0]);
    expect(difference(base, alone)).toBeLessThan(tolerance);
    await driver.executor.dispose();
  });

  test("refuses numbers that could make others infinite, and a place without an adapter", async () => {
    const driver = await open(model);
    const storage = driver.executor.adapterStorage!;
    const weightName = "model.layers.0.self_attn.q_proj.weight";
    const [out = 0, in_ = 0] = model.weights.weight(weightName)?.shape ?? [];
    const adapterOf = (number: number, rank = 1): Parameters<typeof storage.load>[1] => ({
      rank,
      targets: [{ weightName, rank }],
      read: async () => ({ down: new Float32Array(in_).fill(number), up: new Float32Array(out) }),
    });
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY, 1e10]) {
      await expect(storage.load(1, adapterOf(number))).rejects.toMatchObject({ code: "INVALID_ADAPTER" });
    }
    await expect(storage.load(1, adapterOf(0, 9))).rejects.toMatchObject({ code: "INVALID_ADAPTER" });
    await expect(storage.load(4, adapterOf(0))).rejects.toMatchObject({ code: "INVALID_ADAPTER" });
    await expect(decodeTogether(driver, [1])).rejects.toMatchObject({ code: "INVALID_BATCH" });
    await storage.load(1, adapterOf(1));
    await expect(decodeTogether(driver, [1])).resolves.toHaveLength(1);
    await driver.executor.dispose();
  });

  test("has nothing left of an adapter after another one took its place", async () => {
    const driver = await open(model);
    await load(driver, model, { 1: "llama2-all" });
    const [first] = await decodeTogether(driver, [1]);
    await load(driver, model, { 1: "llama2-patterns" });
    const [second] = await decodeTogether(driver, [1]);
    await load(driver, model, { 2: "llama2-patterns" });
    const [elsewhere] = await decodeTogether(driver, [2]);
    expect(difference(first, second)).toBeGreaterThan(0.1);
    expect(elsewhere).toEqual(second);
    driver.executor.adapterStorage?.unload(1);
    await expect(decodeTogether(driver, [1])).rejects.toMatchObject({ code: "INVALID_BATCH" });
    await driver.executor.dispose();
  });

  test("plans the memory of adapters, and takes no more", async () => {
    const memory = new PlainMemory();
    const sizes = { model, maxSequences: 2, contextTokens: 64 };
    const plain = await createOnnxExecutor({ ...sizes, memory, threads: 1 });
    const plainBytes = memory.liveBytes;
    await plain.dispose();
    const executor = await createOnnxExecutor({
      ...sizes,
      memory,
      threads: 1,
      maxAdapters: 3,
      maxAdapterRank: 8,
    });
    const added = memory.liveBytes - plainBytes;
    const { plan } = executor;
    expect(added).toBe(
      plan.weightsBytes - plain.plan.weightsBytes + plan.workspaceBytes - plain.plan.workspaceBytes,
    );
    await executor.dispose();
    expect(memory.liveBytes).toBe(0);
  });
});
