import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const script = fileURLToPath(new URL("../../benchmarks/dist/micro/load-cycles.js", import.meta.url));

interface Report {
  readonly modelMib: number;
  readonly results: readonly { readonly afterMib: number }[];
}

const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
const isGlibc = report.header.glibcVersionRuntime !== undefined;

// 16-bit weights are the worst: they are converted in memory before they are packed.
it.skipIf(!isGlibc)(
  "what a program loads and disposes again and again is given back to the system",
  async () => {
    const args = [script, "--size", "25m", "--dtype", "BF16", "--cycles", "4", "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { modelMib, results } = JSON.parse(stdout) as Report;
    expect(modelMib).toBeGreaterThan(80);
    const [first, last] = [results[0]?.afterMib ?? Infinity, results.at(-1)?.afterMib ?? Infinity];
    // What is left is the heap's own: a few MiB, where the whole model stayed before.
    expect(last - first).toBeLessThan(0.25 * modelMib);
  },
);
