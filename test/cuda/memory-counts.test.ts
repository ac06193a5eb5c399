import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { describeOverProcessor } from "../support/cuda/describe-over-processor.ts";
import { accessPatterns as manifest } from "../support/cuda/kernels/access-patterns.ts";
import type { AccessCounts } from "../support/cuda/read-counts.ts";
import { type KernelArgument, runKernel } from "../support/cuda/run-kernel.ts";

const image = readFileSync(new URL("../support/cuda/kernels/access-patterns.ptx", import.meta.url), "utf8");
type Name = keyof typeof manifest.entries;

describeOverProcessor("counts of memory", { ptx: [image], areCounted: true }, ({ driver, countsOf }) => {
  const counts = countsOf(image);
  /** What a kernel of one block did. */
  const run = (name: Name, ...args: readonly KernelArgument[]) => {
    counts.forget();
    const block = manifest.entries[name].maxThreads;
    runKernel(driver, { image, manifest, name }, { options: { grid: 1, block }, args });
    return counts.read().find(({ kernel }) => kernel === name)!;
  };
  const floats = (count: number) => new Float32Array(count).fill(1);
  const fresh = (count: number) => ({ fresh: floats(count) });
  const of = (accesses: readonly AccessCounts[], space: string, opcode: string) =>
    accesses
      .filter((each) => each.space === space && each.opcode.startsWith(opcode))
      .map(({ requests, units, ideal }) => [requests, units, ideal]);

  it.each([
    // Two warps of 128 bytes.
    { stride: 1, offset: 0, loads: 8, stores: 8 },
    { stride: 2, offset: 0, loads: 16, stores: 16 },
    { stride: 8, offset: 0, loads: 64, stores: 64 },
    { stride: 32, offset: 0, loads: 64, stores: 64 },
    // Four bytes beyond a sector: each warp reads of one more.
    { stride: 1, offset: 1, loads: 10, stores: 8 },
    { stride: 1, offset: 8, loads: 8, stores: 8 },
  ])("counts sectors of stride $stride from $offset on", ({ stride, offset, loads, stores }) => {
    const { accesses } = run("global_pattern", fresh(64 * stride), floats(64 * stride + 8), stride, offset);
    expect(of(accesses, "global", "ld")).toEqual([[2, loads, 8]]);
    expect(of(accesses, "global", "st")).toEqual([[2, stores, 8]]);
  });

  it("counts a number that all lanes read once, and bytes and vectors by their size", () => {
    const broadcast = run("global_broadcast", fresh(32), floats(32)).accesses;
    expect(of(broadcast, "global", "ld")).toEqual([[1, 1, 1]]);
    const bytes = run("global_bytes", { fresh: new Uint8Array(32) }, new Uint8Array(32)).accesses;
    expect(of(bytes, "global", "")).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
    const vectors = run("global_vectors", fresh(128), floats(128)).accesses;
    expect(of(vectors, "global", "")).toEqual([
      [1, 16, 16],
      [1, 16, 16],
    ]);
    expect(vectors.map(({ bytes: each }) => each)).toEqual([512, 512]);
  });

  it.each([
    { stride: 1, share: 1, stores: 1, loads: 1 },
    { stride: 2, share: 1, stores: 2, loads: 2 },
    { stride: 3, share: 1, stores: 1, loads: 1 },
    { stride: 32, share: 1, stores: 32, loads: 32 },
    // Padded rows.
    { stride: 33, share: 1, stores: 1, loads: 1 },
    // Lanes that read one word share it.
    { stride: 32, share: 32, stores: 32, loads: 1 },
    { stride: 32, share: 8, stores: 32, loads: 4 },
  ])("counts passes of stride $stride, $share lanes a word", ({ stride, share, stores, loads }) => {
    const { accesses } = run("shared_pattern", fresh(32), stride, share);
    expect(of(accesses, "shared", "st")).toEqual([[1, stores, 1]]);
    expect(of(accesses, "shared", "ld")).toEqual([[1, loads, 1]]);
  });

  it("counts bytes of one word once", () => {
    const { accesses } = run("shared_bytes", fresh(32));
    expect(of(accesses, "shared", "")).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
  });

  it.each([
    // Half warps of 8 bytes a lane.
    { name: "shared_pairs", floatsOf: 2, stride: 1, passes: 2, ideal: 2 },
    { name: "shared_pairs", floatsOf: 2, stride: 2, passes: 4, ideal: 2 },
    { name: "shared_pairs", floatsOf: 2, stride: 16, passes: 32, ideal: 2 },
    { name: "shared_pairs", floatsOf: 2, stride: 17, passes: 2, ideal: 2 },
    // Quarter warps of 16.
    { name: "shared_vectors", floatsOf: 4, stride: 1, passes: 4, ideal: 4 },
    { name: "shared_vectors", floatsOf: 4, stride: 2, passes: 8, ideal: 4 },
    { name: "shared_vectors", floatsOf: 4, stride: 8, passes: 32, ideal: 4 },
    { name: "shared_vectors", floatsOf: 4, stride: 9, passes: 4, ideal: 4 },
  ] as const)("counts passes of $name of stride $stride", ({ name, floatsOf, stride, passes, ideal }) => {
    const { accesses } = run(name, fresh(32 * floatsOf), stride);
    for (const kind of ["st", "ld"]) expect(of(accesses, "shared", kind)).toEqual([[1, passes, ideal]]);
  });

  it.each([
    // Of 8 rows that are 64 bytes apart, two are in different banks.
    { swizzled: 0, four: 16, two: 8 },
    { swizzled: 1, four: 4, two: 2 },
  ])("counts passes of matrices, swizzled: $swizzled", ({ swizzled, four, two }) => {
    const { accesses } = run("matrices", fresh(32), swizzled);
    expect(of(accesses, "shared", "ldmatrix")).toEqual([
      [1, four, 4],
      [1, two, 2],
    ]);
  });

  it("counts both ends of an asynchronous copy, and of zeros only the one that is written", () => {
    const whole = run("async_copy", fresh(128), floats(128), 1, 32).accesses;
    expect(of(whole, "global", "cp")).toEqual([[1, 16, 16]]);
    expect(of(whole, "shared", "cp")).toEqual([[1, 4, 4]]);
    const half = run("async_copy", fresh(128), floats(128), 8, 16).accesses;
    expect(of(half, "global", "cp")).toEqual([[1, 8, 8]]);
    expect(of(half, "shared", "cp")).toEqual([[1, 32, 4]]);
  });

  it("joins the lanes of one iteration of all loops, and no others", () => {
    const { accesses } = run("divergent", fresh(32), floats(96));
    // A round has two iterations of the inner loop, the second one with every second lane.
    expect(of(accesses, "global", "ld")).toEqual([
      [8, 32, 4 * (4 + 2)],
      [4, 8, 8],
    ]);
  });

  it("counts what warps issue once, and products", () => {
    const { products, operations, instructions } = run("product", fresh(32));
    expect([products, operations]).toEqual([3, 3 * 2 * 16 * 8 * 16]);
    expect(instructions).toBeGreaterThanOrEqual(3 * 3 + 5);
    expect(instructions).toBeLessThan(60);
    // A copy of a number: what two warps issue is twice what one would.
    const lines = image.split(/\.entry /u).find((text) => text.startsWith("global_bytes("))!;
    expect(run("global_bytes", { fresh: new Uint8Array(32) }, new Uint8Array(32)).instructions).toBe(
      lines.match(/^\t[a-z][^;]*;/gmu)!.length,
    );
  });

  it("counts atomics of generic addresses where they are", () => {
    const { accesses } = run("shared_atomics", { fresh: new Uint32Array(64) });
    const atomics = accesses.filter(({ opcode, requests }) => /^(?:atom|red)/u.test(opcode) && requests > 0);
    expect(atomics.map(({ space, requests, units }) => [space, requests, units])).toEqual([["shared", 2, 2]]);
  });

  it("names the lines of the PTX", () => {
    const { accesses } = run("global_bytes", { fresh: new Uint8Array(32) }, new Uint8Array(32));
    const lines = image.split("\n");
    for (const { line, opcode } of accesses) expect(lines[line - 1]).toContain(opcode);
  });
});
