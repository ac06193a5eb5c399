import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import {
  buildSanitized,
  missingSanitizer,
  type Sanitizer,
  sanitizerEnv,
} from "../support/cuda/build-sanitized.ts";

const seeds = [1, 2, 3];

/** What finds each fault: a race detector, a checker of memory, the emulation, or a NaN in the results. */
const faults: Readonly<Record<Sanitizer, Readonly<Record<string, RegExp>>>> = {
  thread: {
    missing_barrier: /data race/,
    warp_synchronous: /data race/,
    missing_warp_barrier: /data race/,
    blocks_write_one_address: /data race/,
    divergent_barrier: /a divergent barrier: line \d+ and line \d+/,
    lanes_that_never_come: /threads wait for ever/,
    missing_wait: /results are NaN/,
    uninitialised_shared: /results are NaN/,
    uninitialised_global: /results are NaN/,
  },
  address: {
    out_of_bounds: /heap-buffer-overflow/,
    write_out_of_bounds: /heap-buffer-overflow|SEGV/,
    shared_out_of_bounds: /index \d+ out of bounds/,
    misaligned_vector: /misaligned address/,
  },
};

for (const sanitizer of ["thread", "address"] as const) {
  const reason = missingSanitizer(sanitizer);
  const title = `sources of kernels with -fsanitize=${sanitizer}`;
  if (reason !== undefined) console.warn(`skipped "${title}": ${reason}`);
  describe.skipIf(reason !== undefined)(title, () => {
    const run = (name: string, seed: number): string => {
      const path = buildSanitized({ name: "planted-faults" }, sanitizer);
      const env = { ...process.env, ...sanitizerEnv };
      const { stdout, stderr } = spawnSync(path, [name, String(seed)], { encoding: "utf8", env });
      // The emulation tells the sanitizer about the stacks of its fibers.
      return stdout + stderr.replace(/^.*ASan doesn't fully support makecontext.*\n/mu, "");
    };
    for (const [name, found] of Object.entries(faults[sanitizer])) {
      it(`finds ${name}`, () => {
        let text = "";
        for (const seed of seeds) if (!found.test(text)) text = run(name, seed);
        expect(text).toMatch(found);
      });
    }
    it("finds nothing where there is nothing", () => {
      for (const seed of seeds) expect(run("with_warp_barrier", seed)).toBe("");
    });
  });
}
