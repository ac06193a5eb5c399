// In a file, and so in a process, of its own: koffi's setting cannot be changed after a first load.
import koffi from "koffi";
import { expect, test } from "vitest";
import { findOnnxLibrary } from "../../../../../src/executors/onnx/runtime/ffi/library-path.ts";
import type { ExecutorWarning } from "../../../../../src/executors/executor-provider.ts";
import { createOnnxExecutor } from "../../../../../src/executors/onnx/index.ts";
import { openGolden } from "../../../support/golden.ts";
import { PlainMemory } from "../../../../support/plain-memory.ts";

test("does not call native code on a stack that another user of koffi left too small", async () => {
  const library = findOnnxLibrary();
  koffi.load("path" in library ? library.path : "");
  const warnings: ExecutorWarning[] = [];
  const options = { model: await openGolden("llama2"), memory: new PlainMemory(), maxSequences: 1 };
  await using executor = await createOnnxExecutor({
    ...options,
    onWarning: (warning) => warnings.push(warning),
  });
  expect(warnings).toEqual([
    { code: "FFI_UNAVAILABLE", message: expect.stringContaining("async_stack_size") },
  ]);
  expect(executor.description).toMatch(/Node binding.*C API not used: expected a stack/);
  await expect(createOnnxExecutor({ ...options, runtime: "ffi" })).rejects.toMatchObject({
    code: "EXECUTOR_UNAVAILABLE",
    message: expect.stringContaining("131072"),
  });
});
