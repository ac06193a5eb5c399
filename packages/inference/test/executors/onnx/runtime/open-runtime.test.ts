import { expect, test } from "vitest";
import type { ExecutorWarning } from "../../../../src/executors/executor-provider.ts";
import type { OnnxRuntime } from "../../../../src/executors/onnx/runtime/runtime.ts";
import { openRuntime } from "../../../../src/executors/onnx/runtime/open-runtime.ts";

function fakeRuntime(path: OnnxRuntime["path"]): OnnxRuntime {
  return {
    path,
    version: "0",
    createSession: () => Promise.reject(new Error("a fake has no sessions")),
    dispose: () => {},
  };
}

type Opened = OnnxRuntime | { readonly reason: string };

async function select(
  preference: "auto" | "ffi" | "binding",
  ffi: Opened,
  binding: Opened,
): Promise<{ path: string; fallbackReason: string | undefined; warnings: ExecutorWarning[] }> {
  const warnings: ExecutorWarning[] = [];
  const openers = { ffi: () => Promise.resolve(ffi), binding: () => Promise.resolve(binding) };
  const warn = (warning: ExecutorWarning): void => void warnings.push(warning);
  const { runtime, fallbackReason } = await openRuntime(preference, warn, openers);
  return { path: runtime.path, fallbackReason, warnings };
}

const ffiRuntime = fakeRuntime("ffi");
const bindingRuntime = fakeRuntime("binding");
const broken = { reason: "the library is of another kind" };

test("takes the C API if it can be used", async () => {
  expect(await select("auto", ffiRuntime, bindingRuntime)).toEqual({
    path: "ffi",
    fallbackReason: undefined,
    warnings: [],
  });
});

test("falls back with a warning that has the reason", async () => {
  const { path, fallbackReason, warnings } = await select("auto", broken, bindingRuntime);
  expect([path, fallbackReason]).toEqual(["binding", broken.reason]);
  expect(warnings).toEqual([{ code: "FFI_UNAVAILABLE", message: expect.stringContaining(broken.reason) }]);
});

test("does not fall back when one way was requested", async () => {
  await expect(select("ffi", broken, bindingRuntime)).rejects.toMatchObject({
    code: "EXECUTOR_UNAVAILABLE",
    message: expect.stringContaining(broken.reason),
  });
  expect((await select("binding", ffiRuntime, bindingRuntime)).path).toBe("binding");
  await expect(select("binding", ffiRuntime, broken)).rejects.toMatchObject({ code: "EXECUTOR_UNAVAILABLE" });
});

test("throws with both reasons when neither can be used", async () => {
  await expect(select("auto", broken, { reason: "nor this" })).rejects.toMatchObject({
    code: "EXECUTOR_UNAVAILABLE",
    message: expect.stringMatching(/of another kind; nor this/),
  });
});
