import { expect, test } from "vitest";
import { describeExit } from "../../../src/models/local/engine-launch.ts";

test("says why a process ended that wrote an error with its stack", () => {
  const outputTail = [
    "node:internal/modules/esm/resolve:873",
    "  throw new ERR_MODULE_NOT_FOUND(packageName, fileURLToPath(base), null);",
    "        ^",
    "",
    "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'onnxruntime-node'",
    ...Array.from({ length: 9 }, (_, index) => `    at resolve (node:internal/modules:${index})`),
    "  code: 'ERR_MODULE_NOT_FOUND'",
    "}",
    "",
    "Node.js v20.20.2",
  ];
  const text = describeExit({ exitCode: 1, signal: undefined, outputTail });
  expect(text).toMatch(/^with code 1; it last wrote:\n[^]*Cannot find package 'onnxruntime-node'/);
  expect(text).not.toContain("at resolve");
});

test("says how it ended when it wrote nothing", () => {
  expect(describeExit({ exitCode: undefined, signal: "SIGSEGV", outputTail: [] })).toBe("by SIGSEGV");
  expect(describeExit({ exitCode: undefined, signal: undefined, outputTail: [""] })).toBe(
    "with code unknown",
  );
});
