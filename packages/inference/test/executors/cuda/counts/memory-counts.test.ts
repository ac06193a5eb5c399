import { readFileSync, writeFileSync } from "node:fs";
import { createCudaDevice } from "@infernode/memory/cuda";
import { expect, it } from "vitest";
import { createCheckedPool } from "../../../../../../test/support/cuda/create-checked-pool.ts";
import { describeOverProcessor } from "../../../../../../test/support/cuda/describe-over-processor.ts";
import type { KernelCounts } from "../../../../../../test/support/cuda/read-counts.ts";
import { caseName } from "../../../../src/executors/cuda/cases/kernel-case.ts";
import { kernelCases } from "../../../../src/executors/cuda/cases/kernel-cases.ts";
import { CaseRunner } from "../../../../src/executors/cuda/check/case-runner.ts";
import { modelSizes } from "./model-sizes.ts";

/** Set by tools/kernels/counts.mjs: modules, and the file for what they count. */
const { INFERNODE_COUNTED_MODULES: wanted, INFERNODE_COUNTS_FILE: file } = process.env;
/** One that is counted within a second. */
const modules = wanted?.split(",") ?? ["add-rms-norm"];
const stored = new URL("../../../../../../tools/kernels/memory-counts.json", import.meta.url);

const images = new Map(
  modules.map((name) => [
    name,
    readFileSync(new URL(`../../../../ptx/${name}.ptx`, import.meta.url), "utf8"),
  ]),
);

describeOverProcessor("counts of kernels", { ptx: [...images.values()], areCounted: true }, (processor) => {
  const countAll = async (): Promise<ReadonlyMap<string, KernelCounts>> => {
    const device = createCudaDevice({ driver: processor.driver });
    const pool = createCheckedPool(device);
    const found = new Map<string, KernelCounts>();
    {
      using runner = new CaseRunner(pool);
      for (const each of kernelCases(modelSizes).filter(({ manifest }) => images.has(manifest.module))) {
        const counts = processor.countsOf(images.get(each.manifest.module)!);
        counts.forget();
        await runner.run(each);
        found.set(
          caseName(each),
          counts.read().find(({ kernel }) => kernel === each.entry)!,
        );
      }
    }
    pool.dispose();
    device.dispose();
    return found;
  };

  it.runIf(file !== undefined)("writes the counts", { timeout: 600_000 }, async () => {
    const found = await countAll();
    expect(found.size).toBeGreaterThan(0);
    writeFileSync(file!, JSON.stringify([...found]));
  });

  it.skipIf(file !== undefined)("are those that are stored", async () => {
    const known = JSON.parse(readFileSync(stored, "utf8")) as {
      readonly kernels: Readonly<Record<string, { readonly instructions: number }>>;
    };
    const found = await countAll();
    expect(found.size).toBe(3);
    for (const [name, { instructions }] of found) {
      expect({ name, instructions }).toEqual({ name, instructions: known.kernels[name]!.instructions });
    }
  });
});
