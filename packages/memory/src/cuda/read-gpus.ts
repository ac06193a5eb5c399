import { messageOf } from "../errors.ts";
import type { CudaDriverOptions } from "./driver/cuda-driver.ts";
import { decodeText, formatCudaVersion } from "./driver/decode.ts";
import type { GpuDetails, GpuProblem, GpuInventory } from "./nvml/gpu-inventory.ts";
import { loadNvml, type Nvml, type NvmlOptions } from "./nvml/nvml.ts";
import { readDriverGpus } from "./read-driver-gpus.ts";
import { readNvmlGpu } from "./nvml/read-nvml-gpu.ts";

export interface ReadGpusOptions {
  readonly nvml?: NvmlOptions;
  /** Used where NVML is missing. */
  readonly cuda?: CudaDriverOptions;
}

/** Reads the machine's GPUs repeatedly, with NVML loaded once. */
export interface GpuReader extends AsyncDisposable {
  /**
   * Reads on other threads; concurrent calls share one read. A missing driver is no error: the result has the
   * reason. Without NVML the first result is kept, because reading through the driver costs a context.
   */
  read(): Promise<GpuInventory>;
  dispose(): Promise<void>;
}

async function readNvmlInventory(nvml: Nvml): Promise<GpuInventory> {
  const text = new Uint8Array(96);
  await nvml.call("nvmlSystemGetDriverVersion", text, text.length);
  const version = decodeText(text);
  const cudaVersion = new Int32Array(1);
  await nvml.call("nvmlSystemGetCudaDriverVersion_v2", cudaVersion);
  const count = new Uint32Array(1);
  await nvml.call("nvmlDeviceGetCount_v2", count);
  const gpus: GpuDetails[] = [];
  const problems: GpuProblem[] = [];
  for (let index = 0; index < (count[0] ?? 0); index += 1) {
    try {
      gpus.push(await readNvmlGpu(nvml, index));
    } catch (error) {
      problems.push({ index, message: messageOf(error) });
    }
  }
  return {
    driver: { version, cudaVersion: formatCudaVersion(cudaVersion[0] ?? 0), source: "nvml" },
    reason: undefined,
    gpus,
    problems,
  };
}

function readDriverInventory(options: ReadGpusOptions, nvmlReason: string): GpuInventory {
  try {
    return { ...readDriverGpus(options.cuda ?? {}), reason: nvmlReason };
  } catch (error) {
    return { driver: undefined, reason: messageOf(error), gpus: [], problems: [] };
  }
}

/** Creates a reader; it loads NVML at the first read. */
export function createGpuReader(options: ReadGpusOptions = {}): GpuReader {
  let loading: Promise<Nvml | string> | undefined;
  let fallback: GpuInventory | undefined;
  let reading: Promise<GpuInventory> | undefined;

  const load = (): Promise<Nvml | string> => (loading ??= loadNvml(options.nvml).catch(messageOf));
  const readNow = async (): Promise<GpuInventory> => {
    const nvml = await load();
    if (typeof nvml === "string") return (fallback ??= readDriverInventory(options, nvml));
    try {
      return await readNvmlInventory(nvml);
    } catch (error) {
      return (fallback ??= readDriverInventory(options, messageOf(error)));
    }
  };
  const dispose = async (): Promise<void> => {
    await reading;
    const nvml = await loading;
    if (nvml !== undefined && typeof nvml !== "string") await nvml.dispose();
    loading = undefined;
  };
  return {
    read() {
      reading ??= readNow().finally(() => {
        reading = undefined;
      });
      return reading;
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Reads the machine's GPUs once. A missing driver is no error: the result has the reason. */
export async function readGpus(options: ReadGpusOptions = {}): Promise<GpuInventory> {
  await using reader = createGpuReader(options);
  return await reader.read();
}
