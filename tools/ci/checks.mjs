// The checks beyond `npm test`: lint, format, types, package checks, packages alone, examples, documents.
// Arguments: vitest's JSON report and the exit status of `npm test`.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../setup.mjs";

const bin = (name) => join(root, "node_modules", ".bin", name);
const node = process.execPath;

/** @type {{ title: string, command: string, args: string[], env?: Record<string, string> }[]} */
const checks = [
  // Those that take longest begin first.
  ...(process.env.STAND_IN_RECORD === undefined
    ? []
    : [
        {
          title: "launches of the tests, by the sources of the kernels with sanitizers",
          command: bin("vitest"),
          args: ["run", "test/cuda/replay.test.ts"],
          env: { INFERNODE_LAUNCHES: process.env.STAND_IN_RECORD },
        },
      ]),
  {
    title: "packages: contents, and each alone in an empty folder",
    command: node,
    args: ["tools/ci/check-packages.mjs"],
  },
  { title: "lint", command: bin("oxlint"), args: ["--type-aware", "--deny-warnings"] },
  { title: "format", command: bin("oxfmt"), args: ["--check"] },
  {
    title: "types of tests, benchmarks and examples",
    command: bin("tsc"),
    args: ["-p", "tsconfig.test.json"],
  },
  { title: "names of constants", command: node, args: ["tools/ci/check-names.mjs"] },
  { title: "imports between packages", command: node, args: ["tools/ci/check-imports.mjs"] },
  { title: "unused code and dependencies", command: bin("knip"), args: [] },
  { title: "kernels fit their sources", command: node, args: ["tools/kernels/check.mjs"] },
  { title: "error codes are documented", command: node, args: ["tools/ci/check-error-codes.mjs"] },
  { title: "links in documents", command: node, args: ["tools/ci/check-links.mjs"] },
  { title: "types of programs in documents", command: node, args: ["tools/ci/check-programs.mjs"] },
  { title: "examples run", command: node, args: ["tools/ci/check-examples.mjs"] },
  { title: "npm start", command: node, args: ["tools/ci/check-start.mjs"] },
  {
    title: "benchmark harness",
    command: node,
    args: ["tools/bench.mjs", "serving/serving", "--rounds", "1", "--max-tokens", "16"],
  },
];

const [reportPath, testStatus] = process.argv.slice(2);
let passed = 0;
let failed = 0;
if (reportPath !== undefined && existsSync(reportPath)) {
  const report = JSON.parse(readFileSync(reportPath, "utf8"));
  passed += report.numPassedTests;
  failed += report.numFailedTests;
}
// A run that failed outside of its tests counts as another failure.
if (testStatus !== "0" && failed === 0) failed += 1;

/** Runs a check, and shows what it wrote when it has ended. */
function runCheck({ title, command, args, env }) {
  const startedAt = performance.now();
  const options = {
    cwd: root,
    env: { ...process.env, ...env },
    timeout: 900_000,
    maxBuffer: 64 * 2 ** 20,
  };
  return new Promise((resolve) => {
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      if (error === null) passed += 1;
      else failed += 1;
      const verdict = error === null ? "ok" : `FAILED (${error.message.split("\n")[0]})`;
      process.stdout.write(`\n== ${title}\n${stdout}${stderr}== ${verdict}: ${title}, ${seconds} s\n`);
      resolve();
    });
    child.stdin?.end();
  });
}

// Two at a time: most of them use one core, or wait.
const waiting = [...checks];
const work = async () => {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) await runCheck(check);
};
await Promise.all([work(), work()]);
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
