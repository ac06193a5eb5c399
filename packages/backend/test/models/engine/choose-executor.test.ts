import type { CudaDeviceDescription, CudaDriver } from "@infernode/memory/cuda";
import { MemoryError } from "@infernode/memory";
import { describe, expect, test } from "vitest";
import { executorPreferences, executorRuntimes } from "../../../src/config/executor-names.ts";
import {
  chooseExecutors,
  type ExecutorSettings,
  loadProviders,
} from "../../../src/models/engine/choose-executor.ts";
import type { Gpu, GpuSearch } from "../../../src/models/gpu/find-gpu.ts";

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

/** Names and reasons, with a GPU or without one. */
async function choose(
  settings: ExecutorSettings,
  search: GpuSearch,
  autoTakesCuda?: boolean,
): Promise<readonly (readonly [name: string, reason: string])[]> {
  const found: string[] = [];
  const findGpu = async (name: string): Promise<GpuSearch> => {
    found.push(name);
    return search;
  };
  const options = autoTakesCuda === undefined ? { findGpu } : { findGpu, autoTakesCuda };
  const choices = await chooseExecutors(settings, options);
  expect(found.every((name) => name === (settings.device ?? "0"))).toBe(true);
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
      expect(await choose({ executor }, noGpu())).toEqual([[name, `engine.executor is ${name}`]]);
    }
    expect(await choose({ executor: "cuda", device: "1" }, { gpu })).toEqual([
      ["cuda", "engine.executor is cuda"],
    ]);
  });

  test("is refused with what is missing", async () => {
    await expect(choose({ executor: "cuda" }, noGpu())).rejects.toThrow(
      expect.objectContaining({
        code: "EXECUTOR_UNAVAILABLE",
        message: "the CUDA executor cannot be used: no NVIDIA driver",
      }),
    );
  });
});

describe("auto", () => {
  test("is onnxruntime without a GPU, and says why", async () => {
    const reason =
      "auto: the fastest executor on a processor; the CUDA executor cannot be used: no NVIDIA driver";
    for (const settings of [{}, { executor: "auto" as const }]) {
      expect(await choose(settings, noGpu())).toEqual([["onnx", reason]]);
      expect(await choose(settings, noGpu(), true)).toEqual([["onnx", reason]]);
    }
  });

  test("is onnxruntime beside a GPU while the kernels have not been run on one", async () => {
    expect(await choose({}, { gpu })).toEqual([
      [
        "onnx",
        "auto: the fastest executor on a processor; a CUDA device is here; the CUDA executor has not yet been run on a GPU: " +
          "ask for it with --executor cuda",
      ],
    ]);
  });

  test("would try a GPU first, and onnxruntime for a model that does not run there", async () => {
    expect(await choose({}, { gpu }, true)).toEqual([
      ["cuda", "auto: the GPU A GPU is here"],
      ["onnx", "auto: the fastest executor on a processor; the GPU A GPU cannot run this model"],
    ]);
  });
});

test("a failure of the driver is a reason, not an error", async () => {
  const { findGpu } = await import("../../../src/models/gpu/find-gpu.ts");
  const loadDriver = (): CudaDriver => {
    throw new MemoryError("CUDA_UNAVAILABLE", "no NVIDIA driver: not installed");
  };
  expect(await findGpu("0", loadDriver)).toEqual({ problem: "no NVIDIA driver: not installed" });
});
