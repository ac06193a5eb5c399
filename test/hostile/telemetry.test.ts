import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { cliPath } from "../e2e/support/cli-path.ts";
import { noTrace, type Traces, watchProcess } from "./support/watch-process.ts";

const library = fileURLToPath(new URL("support/generate-in-library.mjs", import.meta.url));
/** onnxruntime's telemetry looked for its collector 9 seconds after the start. */
const workMs = 15_000;

const ways: readonly (readonly [name: string, run: () => Promise<Traces>, output: RegExp])[] = [
  ["serve", () => watchProcess([cliPath, "serve", "--port", "0"], { stopAfterMs: workMs }), /stopped/],
  [
    "serve with the binding",
    () => watchProcess([cliPath, "serve", "--port", "0", "--runtime", "binding"], { stopAfterMs: workMs }),
    /stopped/,
  ],
  ["play", () => watchProcess([cliPath, "play", "--max-tokens", "8"], { input: "Hello\n" }), /./],
  ["doctor", () => watchProcess([cliPath, "doctor"]), /onnxruntime/],
  ["a library", () => watchProcess([library, "ffi", "main", String(workMs)]), /C API/],
  ["a library with the binding", () => watchProcess([library, "binding", "main", "3000"]), /Node binding/],
  ["a worker thread", () => watchProcess([library, "ffi", "worker", String(workMs)]), /C API/],
  [
    "a worker thread with the binding",
    () => watchProcess([library, "binding", "worker", "3000"]),
    /Node binding/,
  ],
];

describe.concurrent("nothing is written and nobody is called by", () => {
  if (noTrace !== undefined) process.stderr.write(`only files are watched, not look-ups: ${noTrace}\n`);

  it.each(ways)("%s", async (_, run, output) => {
    const traces = await run();
    expect(traces.output).toMatch(output);
    expect(traces.files).toEqual([]);
    expect(traces.traffic ?? []).toEqual([]);
  });
});
