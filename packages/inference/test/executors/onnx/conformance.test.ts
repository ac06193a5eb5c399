import { describe, expect, test } from "vitest";
import { createOnnxExecutor } from "../../../src/executors/onnx/index.ts";
import { executorCases } from "../../../src/testing.ts";
import { comparisons, firstsOfKinds, goldenNames, openGolden, readGolden } from "../support/golden.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

test("has golden values of every family", () => {
  expect(goldenNames()).toEqual(expect.arrayContaining(["llama2", "llama31", "mistral", "qwen2", "qwen3"]));
});

const kinds = await firstsOfKinds(
  ({ softCap, slidingWindowTokens, sinks, queryScaling, rotary }, { experts }) => [
    softCap,
    slidingWindowTokens,
    sinks,
    queryScaling,
    rotary,
    rotary?.isByLength,
    experts,
  ],
);

describe.each(goldenNames())("%s", async (name) => {
  const model = await openGolden(name);
  const memory = new PlainMemory();
  // Some are made for contexts that take tens of MB of cache.
  const contextTokens = Math.min(256, model.config.contextTokens);
  const cases = executorCases({
    create: (sizes) => createOnnxExecutor({ model, memory, runtime: "ffi", contextTokens, ...sizes }),
    prompts: readGolden(name),
  });
  test.each(kinds.has(name) ? cases : comparisons(cases))("$name", async (conformanceCase) => {
    await conformanceCase.run();
    expect(memory.liveBytes).toBe(0);
  });
});
