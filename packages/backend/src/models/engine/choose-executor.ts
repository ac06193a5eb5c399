import { type ExecutorPlanner, type ExecutorProvider, InferenceError } from "@infernode/inference";
import type { CudaMemoryPoolOptions } from "@infernode/memory/cuda";
import type { PoolStats } from "@infernode/memory";
import { engineDefaults } from "../../config/engine-defaults.ts";
import {
  type ExecutorName,
  type ExecutorPreference,
  executorOfRuntime,
  type RuntimePreference,
} from "../../config/executor-names.ts";
import { defaultCacheDirectory } from "../cache/cache-directory.ts";
import { findGpu, type Gpu, type GpuSearch } from "../gpu/find-gpu.ts";
import { type GpuIdentity, identifyGpu } from "../gpu/gpu-identity.ts";
import { createGpuVerifier, type VerifyGpu } from "../gpu/gpu-verifier.ts";
import type { KernelVerdict } from "../gpu/kernel-verdict.ts";
import { readVerdict } from "../gpu/verdict-store.ts";
import { releaseAfter } from "./release-after.ts";

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
  /** What speaks against it, though it was asked for. */
  readonly warning?: string | undefined;
  /** Where the memory of its plan is, if that is not the host's. */
  readonly gpu: Gpu | undefined;
}

/** The executor that a model runs with, by its name. Plain data. */
export interface KeptExecutor {
  readonly name: ExecutorName;
  readonly reason: string;
}

type PreparingProvider = (typeof import("@infernode/inference/onnx"))["onnxProvider"];

/** Options that choose an executor. */
export interface ExecutorSettings {
  readonly executor?: ExecutorPreference | undefined;
  readonly device?: string | undefined;
  readonly runtime?: RuntimePreference | undefined;
  readonly cacheDirectory?: string | undefined;
}

/** What the choice is made with. Defaults in brackets. */
export interface ChooseOptions {
  readonly findGpu?: ((name: string) => Promise<GpuSearch>) | undefined;
  readonly identifyGpu?: ((gpu: Gpu) => Promise<GpuIdentity>) | undefined;
  /** Says whether a GPU computes what it should. [checked in a process of its own, once for each GPU] */
  readonly verifyGpu?: VerifyGpu | undefined;
  /** What the model ran with before its engine was started again: in place of `auto`. [none] */
  readonly kept?: KeptExecutor | undefined;
}

/**
 * Chooses the executors of a model, the preferred one first: `auto` has several where one may turn out to be unable to run
 * the model. It takes a GPU where every kernel gives the stored values on it. An executor that is asked for by name is never
 * replaced by another, nor is the one that a model ran with before.
 *
 * @throws InferenceError `EXECUTOR_UNAVAILABLE` for CUDA, with what is missing
 */
export async function chooseExecutors(
  settings: ExecutorSettings,
  options: ChooseOptions = {},
): Promise<readonly [ExecutorChoice, ...ExecutorChoice[]]> {
  const { device = engineDefaults.device } = settings;
  const search = options.findGpu ?? findGpu;
  const { name, reason } = namedBy(settings, options);
  if (name === "auto") return chooseForMachine(await search(device), settings, options);
  if (name !== "cuda") return [{ planner: await loadProvider[name](), reason, gpu: undefined }];
  const found = await search(device);
  if ("gpu" in found) {
    const { gpu } = found;
    return [{ planner: await loadCudaPlanner(), reason, warning: await warnOf(gpu, settings, options), gpu }];
  }
  throw new InferenceError("EXECUTOR_UNAVAILABLE", `the CUDA executor cannot be used: ${found.problem}`);
}

/** The executor that is asked for, that a runtime belongs to, or that the model ran with; or `auto`. */
function namedBy(
  { executor = engineDefaults.executor, runtime = engineDefaults.runtime }: ExecutorSettings,
  { kept }: ChooseOptions,
): { readonly name: ExecutorPreference; readonly reason: string } {
  if (executor !== "auto") return { name: executor, reason: `engine.executor is ${executor}` };
  if (kept !== undefined) return kept;
  const owner = runtime === "auto" ? undefined : executorOfRuntime(runtime);
  return { name: owner ?? "auto", reason: `auto: engine.runtime is ${runtime}` };
}

async function chooseForMachine(
  found: GpuSearch,
  settings: ExecutorSettings,
  options: ChooseOptions,
): Promise<readonly [ExecutorChoice, ...ExecutorChoice[]]> {
  const planner = await loadProvider.onnx();
  const onProcessor = (why: string): ExecutorChoice => ({
    planner,
    reason: `auto: the fastest executor on a processor; ${why}`,
    gpu: undefined,
  });
  if (!("gpu" in found)) return [onProcessor(`the CUDA executor cannot be used: ${found.problem}`)];
  const { gpu } = found;
  const { failure, kernelCount } = await verify(gpu, settings, options);
  if (failure !== undefined) {
    const others = "--executor cuda takes it nevertheless, infernode doctor shows the numbers";
    return [onProcessor(`the GPU ${gpu.name} is not taken: ${failure.text}; ${others}`)];
  }
  const reason = `auto: all ${kernelCount} kernels give the stored values on the GPU ${gpu.name}`;
  return [
    { planner: await loadCudaPlanner(), reason, gpu },
    onProcessor(`the GPU ${gpu.name} cannot run this model`),
  ];
}

function cacheOf({ cacheDirectory = defaultCacheDirectory(process.env) }: ExecutorSettings): string {
  return cacheDirectory;
}

async function verify(
  gpu: Gpu,
  settings: ExecutorSettings,
  options: ChooseOptions,
): Promise<Pick<KernelVerdict, "failure" | "kernelCount">> {
  try {
    const identity = await (options.identifyGpu ?? identifyGpu)(gpu);
    const { verifyGpu = createGpuVerifier({ cacheDirectory: cacheOf(settings) }).verify } = options;
    return await verifyGpu(identity);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { kernelCount: 0, failure: { kind: "not-checked", text } };
  }
}

/** What an earlier check found wrong with a GPU; nothing is checked now. */
async function warnOf(
  gpu: Gpu,
  settings: ExecutorSettings,
  options: ChooseOptions,
): Promise<string | undefined> {
  try {
    const identity = await (options.identifyGpu ?? identifyGpu)(gpu);
    const known = await readVerdict(cacheOf(settings), identity);
    if (known?.failure === undefined) return undefined;
    const checkedAt = new Date(known.checkedAtMs).toISOString();
    return `the GPU ${gpu.name} was checked at ${checkedAt}: ${known.failure.text}; infernode doctor checks it again`;
  } catch {
    // What cannot be read is said where the kernels are loaded.
    return undefined;
  }
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
    return releaseAfter(error, () => device.dispose());
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
