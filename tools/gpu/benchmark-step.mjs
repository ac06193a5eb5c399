// A benchmark as a step, its numbers compared with targets.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./session.mjs";

const atMost = (what, got, target) => ({ what, got, target: `<= ${target}`, isMet: got <= target });
const atLeast = (what, got, target) => ({ what, got, target: `>= ${target}`, isMet: got >= target });

/** Targets of a benchmark's numbers. A missed target is reported and does not fail the step. */
const targetsByName = {
  "cuda-call": () => [],
  "cuda-copy": ({ shareOfBus }) => [
    atLeast("share of the bus, to the device", shareOfBus.toDevice, 0.9),
    atLeast("share of the bus, to the host", shareOfBus.toHost, 0.9),
  ],
  "cuda-pool": ({ pairs, traces }) => [
    ...pairs.flatMap(({ sizeBytes, poolNs, timesFasterThanDriver, timesFasterThanDriverAsync = 0 }) => [
      atMost(`ns for a hit of ${sizeBytes} B`, poolNs, 1000),
      atLeast(`times faster than cuMemAlloc, ${sizeBytes} B`, timesFasterThanDriver, 20),
      atLeast(`times faster than cuMemAllocAsync, ${sizeBytes} B`, timesFasterThanDriverAsync, 3),
    ]),
    ...traces.flatMap(({ arenaKind, streamCount, overhead, fittingFailureCount }) => [
      atMost(`share taken in excess, ${arenaKind}, ${streamCount} stream(s)`, overhead, 0.05),
      atMost(`refusals of what fits, ${arenaKind}, ${streamCount} stream(s)`, fittingFailureCount, 0),
    ]),
  ],
};

export function benchmark(name) {
  return (options) => {
    const output = `${options.result}.report`;
    const list = ["--ordinal", options.ordinal, "--output", output];
    if (options.library !== undefined) list.push("--stand-in", options.library);
    if (name === "cuda-pool") list.push("--steps", options.steps);
    const program = join(root, "benchmarks/dist/micro", `${name}.js`);
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...list], { encoding: "utf8" });
    process.stdout.write(stdout);
    assert.equal(status, 0, stderr);
    const report = JSON.parse(readFileSync(output, "utf8"));
    const targets = targetsByName[name](report);
    for (const { what, got, target } of targets.filter(({ isMet }) => !isMet)) {
      process.stdout.write(`missed: ${what}: expected ${target}, got ${got}\n`);
    }
    return { targets, report };
  };
}
