import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { describeOverProcessor } from "../support/cuda/describe-over-processor.ts";
import { plantedFaults as manifest } from "../support/cuda/kernels/planted-faults.ts";
import { openProcessor } from "../support/cuda/open-processor.ts";
import { runKernel } from "../support/cuda/run-kernel.ts";

const image = readFileSync(new URL("../support/cuda/kernels/planted-faults.ptx", import.meta.url), "utf8");
type Name = keyof typeof manifest.entries;

const seeds = [1n, 2n, 3n, 4n, 5n, 6n];

/** What 64 numbers become when a kernel runs with one block of its threads. */
function run(name: Name, options: { readonly seed?: bigint; readonly isLockstep?: boolean }): Float32Array {
  const processor = openProcessor({ ptx: [image], isLockstep: false, ...options });
  if ("reason" in processor) throw new Error(processor.reason);
  const out = new Float32Array(128);
  const input = Float32Array.from({ length: 64 }, (_, index) => index + 1);
  const block = manifest.entries[name].maxThreads;
  const given =
    name === "missing_barrier" ? Float32Array.from({ length: 128 }, (_, index) => index + 1) : input;
  runKernel(
    processor.driver,
    { image, manifest, name },
    { options: { grid: 1, block }, args: [{ fresh: out }, given] },
  );
  return out;
}

describeOverProcessor("faults planted in kernels", { ptx: [image] }, ({ standIn }) => {
  const hasNaN = (values: Float32Array): boolean =>
    values.subarray(0, 32).some((value) => Number.isNaN(value));

  describe("that fail", () => {
    const expected: Partial<Record<Name, { readonly status: number; readonly text: RegExp }>> = {
      divergent_barrier: { status: 719, text: /threads wait for ever: thread \d+ at bar\.sync/ },
      lanes_that_never_come: { status: 719, text: /threads wait for ever: .*shfl\.sync/ },
      out_of_bounds: {
        status: 700,
        text: /4 bytes at 0x[0-9a-f]+, (?:beyond the allocation|which is in no live)/,
      },
      write_out_of_bounds: {
        status: 700,
        text: /4 bytes at 0x[0-9a-f]+, (?:beyond the allocation|which is in no live)/,
      },
      shared_out_of_bounds: { status: 700, text: /of 128 bytes of shared memory/ },
      misaligned_vector: { status: 716, text: /\d+ bytes at 0x[0-9a-f]+, which is misaligned/ },
    };
    for (const [name, { status, text }] of Object.entries(expected)) {
      it(`finds ${name}, with kernel, block, thread and seed`, () => {
        const kernel = name as Name;
        let failure: unknown;
        try {
          run(kernel, { seed: 7n });
        } catch (error) {
          failure = error;
        } finally {
          standIn.abandon();
        }
        expect(failure).toMatchObject({ code: "CUDA_ERROR", status, isSticky: true });
        expect(String(failure)).toMatch(text);
        expect(String(failure)).toMatch(
          new RegExp(`${name}, block \\(0, 0, 0\\), thread \\(\\d+, 0, 0\\): .*seed 7$`),
        );
      });
    }
  });

  it("finds reads before a barrier, and copies that nobody waited for, as NaN", () => {
    for (const name of ["missing_barrier", "warp_synchronous"] as const) {
      const found = seeds.filter((seed) => {
        const out = run(name, { seed });
        return name === "warp_synchronous" ? out[0] !== 528 : hasNaN(out);
      });
      expect({ name, isFound: found.length > 3 }).toEqual({ name, isFound: true });
    }
    expect(hasNaN(run("missing_wait", { seed: 1n }))).toBe(true);
  });
  it("finds memory that nobody wrote as NaN", () => {
    expect(hasNaN(run("uninitialised_shared", { seed: 1n }))).toBe(true);
    expect(hasNaN(run("uninitialised_global", { seed: 1n }))).toBe(true);
  });
  it("lets the same seed do the same, and the right kernel be right in any order", () => {
    for (const seed of seeds) {
      expect(run("missing_barrier", { seed })).toEqual(run("missing_barrier", { seed }));
      expect(run("with_warp_barrier", { seed })[31]).toBe(1);
    }
    expect(run("with_warp_barrier", { isLockstep: true })[0]).toBe(32);
  });
});
