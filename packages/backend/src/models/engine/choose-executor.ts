import { type ExecutorPlanner, type ExecutorProvider, InferenceError } from "@infernode/inference";
import type { CudaMemoryPoolOptions } from "@infernode/memory/cuda";
import type { PoolStats } from "@infernode/memory";
import { engineDefaults } from "../../config/engine-defaults.ts";
import type { ExecutorName, ExecutorPreference } from "../../config/executor-names.ts";
import { findGpu, type Gpu, type GpuSearch } from "./find-gpu.ts";

/**
 * Whether `auto` takes the CUDA executor where a GPU can be used. Its kernels have been run on a processor only; this is
 * to become true when they have been run on a GPU.
 */
const autoTakesCuda = false;

/**
 * The executors of a processor by name, the one that `auto` chooses first; each is loaded when it is needed. This file is
 * the only place that names executors.
 */
const loadProvider: Readonly<Record<Exclude<ExecutorName, "cuda">, () => Promise<ExecutorProvider>>> = {
  onnx: async () => (await import("@infernode/inference/onnx")).onnxProvider,
  tfjs: async () => (await import("@infernode/inference/tfjs")).tfjsProvider,
};

const loadCudaPlanner = async (): Promise<ExecutorPlanner> =>
  (await import("@infernode/inference/cuda")).cudaPlanner;

/** An executor, and why it is this one. */
export interface ExecutorChoice {
  readonly planner: ExecutorPlanner;
  readonly reason: string;
  /** Where the memory of its plan is, if that is not the host's. */
  readonly gpu: Gpu | undefined;
}

type PreparingProvider = (typeof import("@infernode/inference/onnx"))["onnxProvider"];

/** Options that choose an executor. */
export interface ExecutorSettings {
  readonly executor?: ExecutorPreference | undefined;
  readonly device?: string | undefined;
}

/** What the choice is made with. Defaults in brackets. */
export interface ChooseOptions {
  readonly findGpu?: (name: string) => Promise<GpuSearch>;
  /** [not before the kernels have been run on a GPU] */
  readonly autoTakesCuda?: boolean;
}

/**
 * Chooses the executors of a model, the preferred one first: `auto` has several where one may turn out to be unable to run
 * the model. One that is asked for by name is never replaced by another.
 * @throws InferenceError `EXECUTOR_UNAVAILABLE` for CUDA, with what is missing
 */
export async function chooseExecutors(
  { executor = engineDefaults.executor, device = engineDefaults.device }: ExecutorSettings,
  options: ChooseOptions = {},
): Promise<readonly [ExecutorChoice, ...ExecutorChoice[]]> {
  const search = options.findGpu ?? findGpu;
  if (executor === "auto") {
    return chooseForMachine(await search(device), options.autoTakesCuda ?? autoTakesCuda);
  }
  const reason = `engine.executor is ${executor}`;
  if (executor !== "cuda") return [{ planner: await loadProvider[executor](), reason, gpu: undefined }];
  const found = await search(device);
  if ("gpu" in found) return [{ planner: await loadCudaPlanner(), reason, gpu: found.gpu }];
  throw new InferenceError("EXECUTOR_UNAVAILABLE", `the CUDA executor cannot be used: ${found.problem}`);
}

async function chooseForMachine(
  found: GpuSearch,
  takesCuda: boolean,
): Promise<readonly [ExecutorChoice, ...ExecutorChoice[]]> {
  const planner = await loadProvider.onnx();
  const onProcessor = (why: string): ExecutorChoice => ({
    planner,
    reason: `auto: the fastest executor on a processor; ${why}`,
    gpu: undefined,
  });
  if (!("gpu" in found)) return [onProcessor(`the CUDA executor cannot be used: ${found.problem}`)];
  const { gpu } = found;
  if (takesCuda) {
    const reason = `auto: the GPU ${gpu.name} is here`;
    const onDevice = { planner: await loadCudaPlanner(), reason, gpu };
    return [onDevice, onProcessor(`the GPU ${gpu.name} cannot run this model`)];
  }
  return [
    onProcessor(
      "a CUDA device is here; the CUDA executor has not yet been run on a GPU: ask for it with --executor cuda",
    ),
  ];
}

/** A provider, and the memory of a device that it was opened with. */
export interface OpenedProvider extends Disposable {
  readonly provider: ExecutorProvider;
  /** Of the pool of a device. */
  stats(): readonly PoolStats[];
}

/** Opens what creates executors; the memory of a GPU is limited and counted as the options say. */
export async function openProvider(
  { planner, gpu }: ExecutorChoice,
  options: Omit<CudaMemoryPoolOptions, "device">,
): Promise<OpenedProvider> {
  if (gpu === undefined) {
    const provider = await loadProvider[planner.name === "tfjs" ? "tfjs" : "onnx"]();
    return { provider, stats: () => [], [Symbol.dispose]: () => undefined };
  }
  const { createCudaDevice, createCudaMemoryPool } = await import("@infernode/memory/cuda");
  const { createCudaProvider } = await import("@infernode/inference/cuda");
  const device = createCudaDevice({ driver: gpu.driver, ordinal: gpu.description.ordinal });
  try {
    const pool = createCudaMemoryPool({ ...options, device });
    const dispose = (): void => {
      try {
        pool.dispose();
      } finally {
        device.dispose();
      }
    };
    return { provider: createCudaProvider({ pool }), stats: () => [pool.stats()], [Symbol.dispose]: dispose };
  } catch (error) {
    device.dispose();
    throw error;
  }
}

/** The executors of a processor, the one that `auto` chooses first. */
export async function loadProviders(): Promise<readonly ExecutorProvider[]> {
  const providers: ExecutorProvider[] = [];
  for (const load of Object.values(loadProvider)) providers.push(await load());
  return providers;
}

/** Makes copies of weights for `models quantize`. */
export async function loadPreparingProvider(): Promise<PreparingProvider> {
  return (await import("@infernode/inference/onnx")).onnxProvider;
}
