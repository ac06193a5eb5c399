import { describe, expect, test } from "vitest";
import { createOnnxExecutor } from "../../../src/executors/onnx/index.ts";
import { executorCases } from "../../../src/testing.ts";
import { goldenNames, openGolden, readGolden } from "../support/golden.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

test("has golden values of every family", () => {
  expect(goldenNames()).toEqual(expect.arrayContaining(["llama2", "llama31", "mistral", "qwen2", "qwen3"]));
});

describe.each(goldenNames())("%s", async (name) => {
  const model = await openGolden(name);
  const memory = new PlainMemory();
  const cases = executorCases({
    create: (sizes) => createOnnxExecutor({ model, memory, runtime: "ffi", ...sizes }),
    prompts: readGolden(name),
  });
  test.each(cases)("$name", async (conformanceCase) => {
    await conformanceCase.run();
    expect(memory.liveBytes).toBe(0);
  });
});
