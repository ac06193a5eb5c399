import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { findOnnxLibrary } from "../../../../../src/executors/onnx/runtime/ffi/library-path.ts";

test.each([
  ["linux", "x64", /libonnxruntime\.so\.1$/],
  ["linux", "arm64", /libonnxruntime\.so\.1$/],
  ["darwin", "arm64", /libonnxruntime\.1\.dylib$/],
  ["win32", "x64", /onnxruntime\.dll$/],
] as const)("finds the library of %s-%s in the package", (platform, arch, name) => {
  const library = findOnnxLibrary(platform, arch);
  expect(library).toMatchObject({
    path: expect.stringMatching(name),
    version: expect.stringMatching(/^1\.\d+\.\d+$/),
  });
  expect("path" in library && existsSync(library.path)).toBe(true);
});

test("returns why there is none", () => {
  expect(findOnnxLibrary("freebsd", "x64")).toEqual({
    reason: "onnxruntime-node has no library for freebsd",
  });
  expect(findOnnxLibrary("linux", "riscv64")).toEqual({
    reason: "onnxruntime-node has no library for linux-riscv64",
  });
});
