import { describe, expect, test } from "vitest";
import { createCudaExecutor } from "../../../src/executors/cuda/index.ts";
import { executorCases } from "../../../src/testing.ts";
import { openGolden, readGolden } from "../support/golden.ts";
import { describeOnDevice } from "./describe-device.ts";

// The other families are in families.test.ts. Rotations of phi35 depend on the length of a sequence.
describeOnDevice("conformance on a CUDA device", (openPool) => {
  describe.each(["llama2", "phi35"])("%s", async (name) => {
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
          productPrecision: "float32",
          ...sizes,
        });
      },
      prompts: readGolden(name),
    });
    test("says whether sequences may share pages", async () => {
      using memory = openPool();
      const sizes = { maxSequences: 1, contextTokens: 256 };
      const executor = await createCudaExecutor({ model, pool: memory.pool, ...sizes });
      expect(executor.kvStorage).toMatchObject({ layout: "pages", isShareable: name === "llama2" });
      await executor.dispose();
    });

    // What is sampled does not depend on rotations.
    const chosen = name === "llama2" ? cases : cases.filter((each) => !/sample|tokens from/.test(each.name));
    test.each(chosen)("$name", async ({ run }) => {
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
