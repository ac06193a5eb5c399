// The tests of the kernels and of the executor, on the device: kernels against float64, families against transformers,
// the conformance suite.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../session.mjs";
import { driverEnvironment } from "./driver-folder.mjs";
import { missingKernels } from "./kernel-device.mjs";

const vitest = join(root, "node_modules/vitest/vitest.mjs");
const folder = "packages/inference/test/executors/cuda";

/** Tests load the driver by its name, and use the first device that they see. */
function environmentOf(options) {
  const { CUDA_VISIBLE_DEVICES: visible = "" } = process.env;
  const own = { ...process.env, INFERNODE_TEST_CUDA: "driver", ...driverEnvironment(options) };
  if (options.isStandIn) return own;
  const { ordinal } = options;
  return { ...own, CUDA_VISIBLE_DEVICES: visible.split(",").filter(Boolean)[Number(ordinal)] ?? ordinal };
}

function missingVitest(options) {
  if (!existsSync(vitest)) return { status: "skipped", reason: "vitest is not here" };
  return missingKernels(options);
}

/** What a short run has of a folder of tests. */
const tinyFiles = { kernels: "kernels/gated.test.ts" };

/** Runs test files of the executor; `files` are names, or folders, in its folder. */
export function runTests(files) {
  return (options) => {
    const skipped = missingVitest(options);
    if (skipped !== undefined) return skipped;
    const output = `${options.result}.vitest`;
    rmSync(output, { force: true });
    const names = options.tiny ? files.slice(0, 1).map((name) => tinyFiles[name] ?? name) : files;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [
        vitest,
        "run",
        "--reporter=json",
        `--outputFile=${output}`,
        ...names.map((name) => join(folder, name)),
      ],
      { cwd: root, env: environmentOf(options), encoding: "utf8", maxBuffer: 2 ** 28 },
    );
    assert.ok(existsSync(output), `vitest wrote no results: ${stderr.slice(-2000)}${stdout.slice(-2000)}`);
    const { testResults, numPassedTests, numFailedTests } = JSON.parse(readFileSync(output, "utf8"));
    const failures = testResults
      .flatMap(({ name, message, assertionResults }) => [
        message ? [`${name}: ${message}`] : [],
        assertionResults
          .filter(({ status }) => status === "failed")
          .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join("\n").slice(0, 600)}`),
      ])
      .flat();
    assert.equal(failures.length + numFailedTests, 0, failures.join("\n"));
    assert.ok(numPassedTests > 0, "no test ran");
    return { testCount: numPassedTests };
  };
}

/** The tests of kernels under a tool of NVIDIA's compute-sanitizer. */
export function sanitize(tool) {
  return (options) => {
    const skipped = missingVitest(options);
    if (skipped !== undefined) return skipped;
    if (options.isStandIn) return { status: "skipped", reason: "compute-sanitizer needs a GPU" };
    const found = spawnSync("compute-sanitizer", ["--version"], { encoding: "utf8" });
    if (found.status !== 0) return { status: "skipped", reason: "compute-sanitizer is not installed" };
    // The first process of the tests uses no CUDA itself, which would be an error.
    const limits = ["--tool", tool, "--target-processes", "all", "--require-cuda-init", "no"];
    limits.push("--print-limit", "20");
    const { status, stdout, stderr } = spawnSync(
      "compute-sanitizer",
      [...limits, process.execPath, vitest, "run", "--no-file-parallelism", join(folder, "kernels")],
      { cwd: root, env: environmentOf(options), encoding: "utf8", maxBuffer: 2 ** 28 },
    );
    const text = stdout + stderr;
    const summaries = [...text.matchAll(/(?:ERROR|RACECHECK) SUMMARY: (\d+)/gu)].map(([, count]) =>
      Number(count),
    );
    assert.equal(status, 0, text.slice(-4000));
    assert.ok(summaries.length > 0, `no summary: ${text.slice(-2000)}`);
    assert.ok(
      summaries.every((count) => count === 0),
      text.slice(0, 8000),
    );
    return { summaryCount: summaries.length };
  };
}
