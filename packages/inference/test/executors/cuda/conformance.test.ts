import { describe, expect, test } from "vitest";
import { createCudaExecutor } from "../../../src/executors/cuda/index.ts";
import { executorCases } from "../../../src/testing.ts";
import { openGolden, readGolden } from "../support/golden.ts";
import { describeOnDevice } from "./describe-device.ts";

// The other families are in families.test.ts: here those whose sequences depend on more than their tokens.
describeOnDevice("conformance on a CUDA device", (openPool) => {
  describe.each(["llama2", "gpt-oss", "phi35"])("%s", async (name) => {
    const model = await openGolden(name);
    const opened: ReturnType<typeof openPool>[] = [];
    const cases = executorCases({
      kvLayout: "pages",
      create: (sizes) => {
        const memory = openPool();
        opened.push(memory);
        const contextTokens = Math.min(model.config.contextTokens, 256);
        return createCudaExecutor({
          model,
          pool: memory.pool,
          contextTokens,
          kvCacheDtype: "float32",
          ...sizes,
        });
      },
      prompts: readGolden(name),
    });
    test.each(cases)("$name", async ({ run }) => {
      try {
        await run();
      } finally {
        for (const memory of opened.splice(0)) {
          expect(memory.pool.stats().liveBlockCount).toBe(0);
          memory[Symbol.dispose]();
        }
      }
    });
  });
});
