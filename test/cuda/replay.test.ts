import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { missingSanitizer, type Sanitizer } from "../support/cuda/build-sanitized.ts";
import { describeOverProcessor } from "../support/cuda/describe-over-processor.ts";
import { plantedFaults } from "../support/cuda/kernels/planted-faults.ts";
import {
  findLaunches,
  type KernelModule,
  listKernels,
  replayLaunches,
} from "../support/cuda/replay-launches.ts";
import { runKernel } from "../support/cuda/run-kernel.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const read = (file: string): KernelModule => ({
  name: basename(file, ".ptx"),
  ptx: readFileSync(file, "utf8"),
});
const seed = 1;

function describeWith(sanitizer: Sanitizer, title: string, define: () => void): void {
  const reason = missingSanitizer(sanitizer);
  if (reason !== undefined) console.warn(`skipped "${title}": ${reason}`);
  describe.skipIf(reason !== undefined)(`${title} with -fsanitize=${sanitizer}`, () => {
    define();
  });
}

const planted = read(path("../support/cuda/kernels/planted-faults.ptx"));

describeOverProcessor("recorded launches", { ptx: [planted.ptx] }, ({ driver, standIn }) => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "infernode-launches-"));
    standIn.recordLaunches(folder);
  });
  afterEach(() => {
    standIn.recordLaunches(process.env["STAND_IN_RECORD"] ?? "");
    rmSync(folder, { recursive: true });
  });
  const record = (name: "missing_warp_barrier" | "with_warp_barrier"): readonly string[] => {
    const args = [{ fresh: new Float32Array(64) }, Float32Array.from({ length: 64 }, (_, i) => i + 1)];
    runKernel(
      driver,
      { image: planted.ptx, manifest: plantedFaults, name },
      { options: { grid: 1, block: 32 }, args },
    );
    return findLaunches(folder, planted).get(name) ?? [];
  };
  describeWith("thread", "replay", () => {
    it("finds a race that the translated PTX does not have", () => {
      const files = record("missing_warp_barrier");
      expect(files).toHaveLength(1);
      expect(replayLaunches(planted, "thread", { files, seed })).toMatch(/data race/);
    });
  });
  describeWith("address", "replay", () => {
    it("finds nothing where there is nothing, and results that differ", () => {
      const files = record("with_warp_barrier");
      expect(files).toHaveLength(1);
      expect(replayLaunches(planted, "address", { files, seed })).toBe("");
      const [file = ""] = files;
      const changed = readFileSync(file);
      // The second float of `out` after the launch: the end of the file has both allocations, of 256 bytes.
      changed.writeFloatLE(7, changed.length - 512 + 4);
      writeFileSync(file, changed);
      expect(replayLaunches(planted, "address", { files, seed })).toMatch(
        /byte 4 of 256: expected \w+ \(7\)/,
      );
    });
  });
});

// The launches of all tests (.ci/run): every kernel that is shipped is among them.
const launches = process.env["INFERNODE_LAUNCHES"];
if (launches !== undefined) {
  const ptx = path("../../packages/inference/ptx");
  const shipped = readdirSync(ptx).map((file) => read(join(ptx, file)));
  for (const sanitizer of ["thread", "address"] as const) {
    describeWith(sanitizer, "launches of the tests", () => {
      for (const module of shipped) {
        it(module.name, () => {
          const found = findLaunches(launches, module);
          const kernels = listKernels(module).kernels.map(({ name }) => name);
          expect([...found.keys()].toSorted()).toEqual(kernels.toSorted());
          expect(replayLaunches(module, sanitizer, { files: [...found.values()].flat(), seed })).toBe("");
        });
      }
    });
  }
}
