import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openProcessor } from "../support/cuda/open-processor.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const ptxFolder = path.join(root, "packages/inference/ptx");
const packer = path.join(root, "tools/gpu/pack.mjs");
const emptyKernel = readFileSync(path.join(root, "tools/gpu/kernels/empty.ptx"), "utf8");
const ptx = [
  ...readdirSync(ptxFolder)
    .filter((name) => name.endsWith(".ptx"))
    .map((name) => readFileSync(path.join(ptxFolder, name), "utf8")),
  emptyKernel,
];
const processor = openProcessor({ ptx });
const reason = "reason" in processor ? processor.reason : undefined;
if (reason !== undefined) console.warn(`skipped "the check of a GPU machine": ${reason}`);

interface Result {
  readonly name: string;
  readonly status: "passed" | "failed" | "skipped";
  readonly error?: string;
  readonly reason?: string;
  readonly checks?: readonly { readonly error: number; readonly limit: number }[];
  readonly figures?: readonly object[];
}

describe.skipIf(reason !== undefined)("the check of a GPU machine, over the processor", () => {
  if ("reason" in processor) return;
  const folder = mkdtempSync(path.join(tmpdir(), "infernode-gpu-check-"));
  const packed = path.join(folder, "packed");
  // Another machine has only what is packed.
  beforeAll(() => {
    const { status, stderr } = spawnSync(process.execPath, [packer, packed], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (only: string): { readonly results: readonly Result[]; readonly page: string } => {
    const output = path.join(folder, "report.json");
    const args = [path.join(packed, "tools/gpu/check.mjs"), "--tiny", "--only", only, "--output", output];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [...args, "--stand-in-library", processor.libraryPath],
      { encoding: "utf8", env: { ...process.env, ...processor.env, STAND_IN_BYTES: String(2 ** 30) } },
    );
    if (status !== 0) throw new Error(stdout + stderr);
    const { results } = JSON.parse(readFileSync(output, "utf8")) as { results: Result[] };
    return { results, page: readFileSync(output.replace(/json$/, "md"), "utf8") };
  };

  test("every measurement computes what float64 does, and its speeds over the processor are not written", () => {
    const { results, page } = run("speed");
    expect(results.length).toBe(22);
    for (const { name, status, checks = [], figures = [] } of results) {
      expect([name, status, figures.length > 0]).toEqual([name, "passed", true]);
      for (const figure of figures) expect(figure).not.toHaveProperty("value");
      for (const { error, limit } of checks) expect(error).toBeLessThanOrEqual(limit);
    }
    const compared = results.filter(({ checks = [] }) => checks.length > 0);
    expect(compared.map(({ name }) => name)).toEqual(
      results
        .slice(2)
        .map(({ name }) => name)
        .filter((name) => !name.includes("engine")),
    );
    expect(page).toContain("no speed was measured");
    expect(page).toContain("gemv q4 24×256, 1 row(s)");
  });

  test("serves the bundled model over HTTP with what is packed", () => {
    const { results, page } = run("program");
    expect(results).toMatchObject([{ status: "passed", testCount: 4 }]);
    for (const figure of results[0]?.figures ?? []) expect(figure).not.toHaveProperty("value");
    expect(page).toContain("bundled model over HTTP, 2 streams");
  });

  test("loads all modules, finds the stored values, runs tests of the kernels, and says why something is skipped", () => {
    const { results } = run("kernels:");
    expect(results.map(({ status }) => status)).toEqual(["passed", "passed", "passed", "skipped", "skipped"]);
    expect(results.at(-1)?.reason).toBe("compute-sanitizer needs a GPU");
  });
});
