import { openAdapter } from "@infernode/models";
import { describe, expect, test } from "vitest";
import { ForwardDriver } from "../../../src/conformance/forward-driver.ts";
import { createTfjsExecutor } from "../../../src/executors/tfjs/index.ts";
import { difference } from "../support/dequantize.ts";
import { openGolden } from "../support/golden.ts";
import { adapterDirectory, readAdapterGolden } from "../support/golden-adapters.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

describe("adapters of llama2", async () => {
  const model = await openGolden("llama2");
  const names = ["llama2-all", "llama2-patterns"] as const;

  async function open(): Promise<ForwardDriver> {
    const sizes = { maxSequences: 3, contextTokens: 128, maxAdapters: 3, maxAdapterRank: 8 };
    const executor = await createTfjsExecutor({
      model,
      memory: new PlainMemory(),
      runtime: "wasm",
      ...sizes,
    });
    for (const [at, name] of names.entries()) {
      const adapter = await openAdapter(adapterDirectory(name), { config: model.config, maxRank: 8 });
      await executor.adapterStorage?.load(1 + 2 * at, adapter);
      await adapter.close();
    }
    return new ForwardDriver(executor);
  }

  test("have the logits of peft", async () => {
    const driver = await open();
    for (const [at, name] of names.entries()) {
      for (const { tokens: tokenIds, logits } of readAdapterGolden(name).prompts) {
        const [row] = await driver.runAlone([{ startPosition: 0, tokenIds, adapter: 1 + 2 * at }]);
        expect(difference(row!, logits)).toBeLessThan(1e-4);
      }
    }
    await driver.executor.dispose();
  });

  test("give each sequence of a batch what it gets alone", async () => {
    const driver = await open();
    const tokenIds = readAdapterGolden(names[0]).prompts[1]!.tokens;
    const after = (adapter: number): { startPosition: number; tokenIds: number[]; adapter: number } => ({
      startPosition: tokenIds.length,
      tokenIds: [tokenIds[0]!],
      adapter,
    });
    const adapters = [3, 0, 1];
    const sequences = adapters.map(() => driver.admit());
    for (const [at, sequence] of sequences.entries()) {
      await driver.run([{ sequence, startPosition: 0, tokenIds, adapter: adapters[at]! }]);
    }
    const together = await driver.run(
      sequences.map((sequence, at) => ({ sequence, ...after(adapters[at]!) })),
    );
    for (const sequence of sequences) driver.kvCache.release(sequence);
    for (const [at, adapter] of adapters.entries()) {
      const [, alone] = await driver.runAlone([{ startPosition: 0, tokenIds, adapter }, after(adapter)]);
      expect(difference(together[at]!, alone!)).toBeLessThan(1e-5);
    }
    expect(difference(together[0]!, together[1]!)).toBeGreaterThan(0.01);
    expect(difference(together[2]!, together[1]!)).toBeGreaterThan(0.01);
    await driver.executor.dispose();
  });
});
