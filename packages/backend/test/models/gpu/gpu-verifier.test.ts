import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createResolvers } from "../../../src/create-resolvers.ts";
import type { GpuCheck } from "../../../src/models/gpu/check-gpu.ts";
import { keyOfGpu } from "../../../src/models/gpu/gpu-identity.ts";
import {
  createGpuVerifier,
  type GpuVerification,
  type GpuVerifierOptions,
} from "../../../src/models/gpu/gpu-verifier.ts";
import { listCachedVerdicts, readVerdict } from "../../../src/models/gpu/verdict-store.ts";
import { gpuIdentity as identity } from "../../support/gpu-identity.ts";

const right = {
  kernel: "rows/gather_rows",
  isWithin: true,
  deviation: 0,
  tolerance: 2e-5,
  problem: undefined,
};
const wrong = { ...right, kernel: "sample/sample", isWithin: false, deviation: 0.5 };
const checkOf = (...kernels: GpuCheck["kernels"]): GpuCheck => ({
  device: "A GPU",
  isStandIn: false,
  kernels,
  copies: undefined,
  problem: kernels.length === 0 ? "the check did not end within 100 ms" : undefined,
});

async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-gpu-check-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A start of the daemon, and what it has heard of its checks. */
function start(cacheDirectory: string, result: GpuCheck, options: Partial<GpuVerifierOptions> = {}) {
  const checked: string[] = [];
  const ends: GpuVerification[] = [];
  const verifier = createGpuVerifier({
    cacheDirectory,
    check: async (uuid) => {
      checked.push(uuid);
      return result;
    },
    onEnd: (end) => ends.push(end),
    now: () => 1000,
    ...options,
  });
  return { ...verifier, checked, ends };
}

test("a good result is known to the next start, of the same GPU, driver and kernels only", async () => {
  const directory = await makeDirectory();
  const first = start(directory, checkOf(right));
  expect(await first.verify(identity)).toEqual({
    identity,
    checkedAtMs: 1000,
    kernelCount: 1,
    failure: undefined,
  });
  expect(first.ends).toMatchObject([{ check: checkOf(right), notKept: undefined }]);
  const second = start(directory, checkOf(wrong));
  expect((await second.verify(identity)).failure).toBeUndefined();
  expect(second.checked).toEqual([]);
  expect(second.ends).toMatchObject([{ check: undefined }]);
  for (const change of Object.keys(identity)) {
    const other = start(directory, checkOf(wrong));
    expect((await other.verify({ ...identity, [change]: "another" })).failure?.kind).toBe("kernels-differ");
    expect(other.checked).toHaveLength(1);
  }
  const anew = start(directory, checkOf(wrong), { ignoresKept: true });
  expect((await anew.verify(identity)).failure?.text).toBe(
    "1 of 1 kernels do not compute the stored values: sample/sample (expected a deviation of 0.00002 at most, got 0.50)",
  );
});

test("a bad result is kept for whoever asks, and checked again at the next start", async () => {
  const directory = await makeDirectory();
  for (const [result, failure] of [
    [checkOf(), { kind: "not-checked", text: "the check did not end within 100 ms" }],
    [checkOf(right, wrong), { kind: "kernels-differ" }],
  ] as const) {
    const { verify, checked } = start(directory, result);
    expect((await verify(identity)).failure).toMatchObject(failure);
    expect((await readVerdict(directory, identity))?.failure).toMatchObject(failure);
    // In the same start it is not.
    await verify(identity);
    expect(checked).toEqual(["GPU-1"]);
  }
  const { verify, checked } = start(directory, checkOf(right));
  expect((await verify(identity)).failure).toBeUndefined();
  expect(checked).toEqual(["GPU-1"]);
  expect(await listCachedVerdicts(directory)).toMatchObject([
    { kind: "gpu-check", key: keyOfGpu(identity), verdict: { kernelCount: 1 } },
  ]);
});

test("models that start at the same time share a check; each GPU has its own", async () => {
  const { verify, checked } = start(await makeDirectory(), checkOf(right));
  await Promise.all([verify(identity), verify({ ...identity, uuid: "GPU-2" }), verify({ ...identity })]);
  expect(checked.toSorted()).toEqual(["GPU-1", "GPU-2"]);
});

test("a file that is broken, too long or of another GPU is none", async () => {
  const directory = await makeDirectory();
  await start(directory, checkOf(right)).verify(identity);
  const [name = ""] = await readdir(directory);
  const path = join(directory, name);
  const good = { identity, checkedAtMs: 1, kernelCount: 1 };
  for (const content of [
    "",
    "{",
    "[]",
    "x".repeat(20_000),
    JSON.stringify({ ...good, identity: { ...identity, uuid: "GPU-2" } }),
    JSON.stringify({ ...good, identity: { ...identity, driver: 5 } }),
    JSON.stringify({ ...good, checkedAtMs: 1e300 }),
    JSON.stringify({ ...good, kernelCount: "all" }),
    JSON.stringify({ ...good, failure: { kind: "unknown", text: "" } }),
  ]) {
    await writeFile(path, content);
    const { verify, checked } = start(directory, checkOf(right));
    await verify(identity);
    expect([content.slice(0, 80), ...checked]).toEqual([content.slice(0, 80), "GPU-1"]);
  }
  await writeFile(path, "{");
  expect(await listCachedVerdicts(directory)).toMatchObject([{ verdict: undefined }]);
});

test("where nothing can be written, each start checks, says why, and goes on", async () => {
  const file = join(await makeDirectory(), "file");
  await writeFile(file, "");
  const inFile = join(file, "cache");
  for (let count = 0; count < 2; count += 1) {
    const { verify, checked, ends } = start(inFile, checkOf(right));
    expect((await verify(identity)).failure).toBeUndefined();
    expect(checked).toEqual(["GPU-1"]);
    expect(ends[0]?.notKept).toMatch(/ENOTDIR/);
  }
  if (process.getuid?.() === 0) return;
  const readOnly = await makeDirectory();
  await chmod(readOnly, 0o500);
  const { verify, ends } = start(readOnly, checkOf(right));
  expect((await verify(identity)).failure).toBeUndefined();
  expect(ends[0]?.notKept).toMatch(/EACCES/);
});

test("a check that is stopped says nothing and keeps nothing", async () => {
  const directory = await makeDirectory();
  const started = createResolvers<void>();
  const verifier = start(directory, checkOf(), {
    check: (_uuid, { signal }) =>
      new Promise((resolve) => {
        signal?.addEventListener("abort", () => resolve(checkOf()));
        started.resolve();
      }),
  });
  const verdict = verifier.verify(identity);
  await started.promise;
  verifier.dispose();
  expect((await verdict).failure?.kind).toBe("not-checked");
  expect(verifier.ends).toEqual([]);
  expect(await listCachedVerdicts(directory)).toEqual([]);
});
