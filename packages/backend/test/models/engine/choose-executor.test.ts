import type { CudaDeviceDescription, CudaDriver } from "@infernode/memory/cuda";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { executorPreferences, executorRuntimes } from "../../../src/config/executor-names.ts";
import {
  chooseExecutors,
  type ExecutorSettings,
  type KeptExecutor,
  loadProviders,
} from "../../../src/models/engine/choose-executor.ts";
import type { Gpu, GpuSearch } from "../../../src/models/gpu/find-gpu.ts";
import type { VerdictFailure } from "../../../src/models/gpu/kernel-verdict.ts";
import { writeVerdict } from "../../../src/models/gpu/verdict-store.ts";
import { gpuIdentity as identity } from "../../support/gpu-identity.ts";

const gpu: Gpu = {
  id: "cuda:1",
  kind: "cuda",
  name: "A GPU",
  totalBytes: 2 ** 30,
  freeBytes: () => 2 ** 29,
  driver: {} as CudaDriver,
  description: { ordinal: 1 } as CudaDeviceDescription,
};
const noGpu = (): GpuSearch => ({ problem: "no NVIDIA driver" });

const failure: VerdictFailure = { kind: "kernels-differ", text: "1 of 100 kernels differ" };

interface World {
  readonly search: GpuSearch;
  readonly failure?: VerdictFailure;
  readonly kept?: KeptExecutor;
}

/** Names and reasons, with a GPU or without one. */
async function choose(
  settings: ExecutorSettings,
  { search, failure: found, kept }: World,
): Promise<readonly (readonly [name: string, reason: string])[]> {
  const names: string[] = [];
  const choices = await chooseExecutors(settings, {
    findGpu: async (name) => {
      names.push(name);
      return search;
    },
    identifyGpu: async () => identity,
    verifyGpu: async (of) => ({ identity: of, checkedAtMs: 0, kernelCount: 100, failure: found }),
    kept,
  });
  expect(names.every((name) => name === (settings.device ?? "0"))).toBe(true);
  for (const choice of choices) {
    expect(choice.gpu).toBe(choice.planner.name === "cuda" ? gpu : undefined);
  }
  return choices.map(({ planner, reason }) => [planner.name, reason]);
}

test("the settings name every executor, and every runtime of each", async () => {
  const ofProcessor = (await loadProviders()).map((provider) => [provider.name, provider.runtimes]);
  const [{ planner }] = await chooseExecutors({ executor: "cuda" }, { findGpu: async () => ({ gpu }) });
  const runtimes = Object.fromEntries([...ofProcessor, [planner.name, planner.runtimes]]);
  expect(executorRuntimes).toEqual(runtimes);
  expect(executorPreferences).toEqual(["auto", ...Object.keys(runtimes)]);
});

describe("an executor by name", () => {
  test("is taken, and nothing else", async () => {
    for (const { name } of await loadProviders()) {
      const executor = name as "onnx" | "tfjs";
      expect(await choose({ executor }, { search: noGpu() })).toEqual([[name, `engine.executor is ${name}`]]);
    }
    expect(await choose({ executor: "cuda", device: "1" }, { search: { gpu }, failure })).toEqual([
      ["cuda", "engine.executor is cuda"],
    ]);
  });

  test("is refused with what is missing", async () => {
    await expect(choose({ executor: "cuda" }, { search: noGpu() })).rejects.toThrow(
      expect.objectContaining({
        code: "EXECUTOR_UNAVAILABLE",
        message: "the CUDA executor cannot be used: no NVIDIA driver",
      }),
    );
  });

  test("warns of what an earlier check has found, and checks nothing", async () => {
    const cacheDirectory = await mkdtemp(join(tmpdir(), "infernode-choose-"));
    onTestFinished(() => rm(cacheDirectory, { recursive: true, force: true }));
    const warning = async (): Promise<string | undefined> => {
      const [choice] = await chooseExecutors(
        { executor: "cuda", cacheDirectory },
        {
          findGpu: async () => ({ gpu }),
          identifyGpu: async () => identity,
          verifyGpu: () => Promise.reject(new Error("expected no check, got one")),
        },
      );
      return choice.warning;
    };
    expect(await warning()).toBeUndefined();
    await writeVerdict(cacheDirectory, { identity, checkedAtMs: 0, kernelCount: 100, failure });
    expect(await warning()).toBe(
      "the GPU A GPU was checked at 1970-01-01T00:00:00.000Z: 1 of 100 kernels differ; infernode doctor checks it again",
    );
    await writeVerdict(cacheDirectory, { identity, checkedAtMs: 0, kernelCount: 100, failure: undefined });
    expect(await warning()).toBeUndefined();
  });
});

describe("auto", () => {
  test("is onnxruntime without a GPU, and says why", async () => {
    const reason =
      "auto: the fastest executor on a processor; the CUDA executor cannot be used: no NVIDIA driver";
    for (const settings of [{}, { executor: "auto" as const }]) {
      expect(await choose(settings, { search: noGpu() })).toEqual([["onnx", reason]]);
    }
  });

  test("is a GPU that computes the stored values, and onnxruntime for a model that does not run there", async () => {
    expect(await choose({}, { search: { gpu } })).toEqual([
      ["cuda", "auto: all 100 kernels give the stored values on the GPU A GPU"],
      ["onnx", "auto: the fastest executor on a processor; the GPU A GPU cannot run this model"],
    ]);
  });

  test("is onnxruntime beside a GPU that does not, and says what is wrong and what to do", async () => {
    expect(await choose({}, { search: { gpu }, failure })).toEqual([
      [
        "onnx",
        "auto: the fastest executor on a processor; the GPU A GPU is not taken: 1 of 100 kernels differ; " +
          "--executor cuda takes it nevertheless, infernode doctor shows the numbers",
      ],
    ]);
    const [choice] = await chooseExecutors(
      {},
      {
        findGpu: async () => ({ gpu }),
        identifyGpu: () => Promise.reject(new Error("the kernels cannot be read")),
      },
    );
    expect(choice).toMatchObject({ planner: { name: "onnx" } });
    expect(choice.reason).toContain("is not taken: the kernels cannot be read");
  });

  test("is the executor that a runtime belongs to", async () => {
    expect(await choose({ runtime: "ffi" }, { search: { gpu } })).toEqual([
      ["onnx", "auto: engine.runtime is ffi"],
    ]);
    expect(await choose({ runtime: "wasm" }, { search: { gpu } })).toEqual([
      ["tfjs", "auto: engine.runtime is wasm"],
    ]);
    expect(await choose({ runtime: "driver" }, { search: { gpu }, failure })).toEqual([
      ["cuda", "auto: engine.runtime is driver"],
    ]);
  });

  test("is what the model ran with before its engine was started again, or nothing", async () => {
    const kept = (name: KeptExecutor["name"]): KeptExecutor => ({ name, reason: "as before" });
    expect(await choose({}, { search: { gpu }, failure, kept: kept("cuda") })).toEqual([
      ["cuda", "as before"],
    ]);
    expect(await choose({}, { search: { gpu }, kept: kept("onnx") })).toEqual([["onnx", "as before"]]);
    await expect(choose({}, { search: noGpu(), kept: kept("cuda") })).rejects.toThrow(
      expect.objectContaining({ code: "EXECUTOR_UNAVAILABLE" }),
    );
    // What is asked for comes first.
    expect(await choose({ executor: "onnx" }, { search: { gpu }, kept: kept("cuda") })).toEqual([
      ["onnx", "engine.executor is onnx"],
    ]);
  });
});
