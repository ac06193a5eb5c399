import { describe, expect, test } from "vitest";
import { createTfjsExecutor } from "../../../src/executors/tfjs/index.ts";
import { executorCases } from "../../../src/testing.ts";
import { comparisons, goldenNames, openGolden, readGolden } from "../support/golden.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

/**
 * Those that differ the most; what they lack is compared with the oracle (`tfjs-executor.test.ts`).
 * `INFERNODE_TFJS_FIXTURES` names others, separated by commas, or is `all`.
 */
const names = readNames(process.env["INFERNODE_TFJS_FIXTURES"] ?? "llama2,gpt2,phi35");

function readNames(text: string): readonly string[] {
  return text === "all" ? goldenNames() : text.split(",");
}

describe.each(names)("%s on WebAssembly", async (name) => {
  const model = await openGolden(name);
  const memory = new PlainMemory();
  const cases = executorCases({
    create: (sizes) => createTfjsExecutor({ model, memory, runtime: "wasm", ...sizes }),
    prompts: readGolden(name),
  });
  test.each(name === "llama2" ? cases : comparisons(cases))("$name", async (conformanceCase) => {
    await conformanceCase.run();
    expect(memory.liveBytes).toBe(0);
  });
});
