import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a compiled benchmark, as `npm run bench` does. */
function run(name: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(root, "dist", `${name}.js`), ...args], (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const names = ["micro", "quality", "reliability", "serving", "peers"].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith(".ts") && file !== "paced-backend.ts")
    .map((file) => `${folder}/${file.slice(0, -3)}`),
);

test.each(names)("%s refuses an unknown option in one line", async (name) => {
  const { status, stdout, stderr } = await run(name, ["--bogus"]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(/^--bogus: expected .+, got an unknown option\n$/);
});

test.each([
  ["micro/pool", ["--steps", "many"], "--steps: expected an integer of 1 or more, got 'many'"],
  ["micro/json", ["--rounds", "0"], "--rounds: expected an integer of 1 or more, got '0'"],
  ["micro/onnx-step", ["--batches", "1,x"], "--batches: expected integers of 1 or more, got '1,x'"],
  ["micro/onnx-step", ["--threads", "-1"], "--threads: expected an integer of 1 or more, got '-1'"],
  ["micro/load-cycles", ["--dtype", "F16"], "--dtype: expected one of F32, BF16, got 'F16'"],
  [
    "micro/executors",
    ["--executors", "onnx,x"],
    "--executors: expected some of onnx, wasm, cpu, got 'onnx,x'",
  ],
  ["micro/cuda-call", ["--ordinal", "first"], "--ordinal: expected an integer of 0 or more, got 'first'"],
  ["serving/gateway", ["--rate", "fast"], "--rate: expected a number of 1 or more, got 'fast'"],
  ["peers/peers", ["--rounds", "x"], "--rounds: expected an integer from 1 to 999, got 'x'"],
])("%s refuses %s before it measures", async (name, [option = "", value = ""], message) => {
  const outcome = await run(name, [`${option}=${value}`]);
  expect(outcome).toEqual({ status: 2, stdout: "", stderr: `${message}\n` });
});
