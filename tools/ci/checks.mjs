// The checks beyond `npm test`: lint, format, types, package checks, packages alone, examples, documents.
// Arguments: vitest's JSON report and the exit status of `npm test`.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../setup.mjs";

const bin = (name) => join(root, "node_modules", ".bin", name);
const node = process.execPath;

const checks = [
  ["lint", bin("oxlint"), ["--type-aware", "--deny-warnings"]],
  ["format", bin("oxfmt"), ["--check"]],
  ["types of tests, benchmarks and examples", bin("tsc"), ["-p", "tsconfig.test.json"]],
  ["imports between packages", node, ["tools/ci/check-imports.mjs"]],
  ["unused code and dependencies", bin("knip"), []],
  ["error codes are documented", node, ["tools/ci/check-error-codes.mjs"]],
  ["links in documents", node, ["tools/ci/check-links.mjs"]],
  ["examples run", node, ["tools/ci/check-examples.mjs"]],
  ["packages: contents, and each alone in an empty folder", node, ["tools/ci/check-packages.mjs"]],
  ["npm start", node, ["tools/ci/check-start.mjs"]],
  ["benchmark harness", node, ["tools/bench.mjs", "serving/serving", "--rounds", "1", "--max-tokens", "16"]],
];

const [reportPath, testStatus] = process.argv.slice(2);
let passed = 0;
let failed = 0;
if (reportPath !== undefined && existsSync(reportPath)) {
  const report = JSON.parse(readFileSync(reportPath, "utf8"));
  passed += report.numPassedTests;
  failed += report.numFailedTests;
}
// A run that broke before or beside its tests counts as a failure of its own.
if (testStatus !== "0" && failed === 0) failed += 1;

for (const [title, command, args] of checks) {
  const startedAt = performance.now();
  process.stdout.write(`\n== ${title}\n`);
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: 900_000,
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (status === 0) passed += 1;
  else failed += 1;
  process.stdout.write(
    `== ${status === 0 ? "ok" : `FAILED (${error?.message ?? `exit ${status}`})`}: ${title}, ${seconds} s\n`,
  );
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
