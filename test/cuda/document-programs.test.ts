import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { kernelCases } from "../../packages/inference/src/executors/cuda/cases/kernel-cases.ts";
import { openProcessor } from "../support/cuda/open-processor.ts";

const root = new URL("../../", import.meta.url);
const processor = openProcessor();
const reason = "reason" in processor ? processor.reason : undefined;
if (reason !== undefined) console.warn(`skipped "programs of documents over the processor": ${reason}`);

/** Programs of a document that use CUDA, by their line. */
function programsOf(document: string): readonly (readonly [place: string, program: string])[] {
  const text = readFileSync(new URL(document, root), "utf8");
  return [...text.matchAll(/^```js\n(?<program>[\s\S]*?)^```/gmu)]
    .filter(({ groups }) => /from "@infernode\/\w+\/cuda"/.test(groups?.["program"] ?? ""))
    .map(({ index, groups }) => [
      `${document}:${text.slice(0, index).split("\n").length}`,
      groups?.["program"] ?? "",
    ]);
}

/** What they write, in the order of the documents. */
const outputs = [/\w/, /^$/, /^$/, /^42 42 7 7\nOUT_OF_MEMORY .* of a limit of 512 MiB/];
const programs = [...programsOf("packages/inference/README.md"), ...programsOf("docs/gpu.md")];

test("the output of doctor that is shown has as many kernels as there are", () => {
  const [, count] = /all (\d+) compute/.exec(readFileSync(new URL("docs/gpu.md", root), "utf8")) ?? [];
  expect(Number(count)).toBe(kernelCases().length);
});

test("documents have programs that use CUDA", () => {
  expect(programs.length).toBe(outputs.length);
});

describe.skipIf(reason !== undefined)("programs of documents over the processor", () => {
  if ("reason" in processor) return;
  const { env, libraryFolder } = processor;
  const devices = { STAND_IN_DEVICES: "2", STAND_IN_BYTES: String(48 * 2 ** 30) };

  test.each(programs.map(([place, program], at) => [place, program, outputs[at]] as const))(
    "that of %s runs as it is",
    (_place, program, output) => {
      const { status, stderr, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
        cwd: fileURLToPath(new URL("benchmarks", root)),
        encoding: "utf8",
        env: { ...process.env, ...env, ...devices, LD_LIBRARY_PATH: libraryFolder },
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toMatch(output ?? "no program is expected");
    },
  );
});
