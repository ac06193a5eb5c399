import {
  createSeriesScope,
  type LabelValues,
  type MetricRegistry,
  type SeriesScope,
} from "@infernode/health";
import type { GpuDetails } from "@infernode/memory/cuda";

/** What the metrics read of a GPU. */
export type GpuSample = Omit<GpuDetails, "pciAddress" | "computeCapability" | "migInstances">;

/** Metrics of GPUs. */
export interface GpuMetrics {
  /** Replaces all GPUs: one that is gone, and a value that is not given, leave the metrics. */
  gpus(samples: readonly GpuSample[]): void;
}

const gauges: Readonly<
  Record<string, readonly [help: string, read: (gpu: GpuSample) => number | undefined]>
> = {
  infernode_gpu_memory_total_bytes: ["Memory of the GPU.", (gpu) => gpu.totalBytes],
  infernode_gpu_memory_used_bytes: ["Memory in use, whoever uses it.", (gpu) => gpu.usedBytes],
  infernode_gpu_memory_free_bytes: ["Memory that nobody uses.", (gpu) => gpu.freeBytes],
  infernode_gpu_utilization_ratio: [
    "Share of the last sample period in which a kernel ran.",
    (gpu) => gpu.utilization,
  ],
  infernode_gpu_memory_utilization_ratio: [
    "Share of the last sample period in which memory was read or written.",
    (gpu) => gpu.memoryUtilization,
  ],
  infernode_gpu_temperature_celsius: ["Temperature of the GPU.", (gpu) => gpu.temperatureCelsius],
  infernode_gpu_power_watts: ["Power that the GPU draws.", (gpu) => gpu.powerWatts],
  infernode_gpu_power_limit_watts: ["Power that the GPU may draw.", (gpu) => gpu.powerLimitWatts],
  infernode_gpu_ecc_corrected_errors: [
    "Memory errors that were corrected since the driver was loaded.",
    (gpu) => gpu.eccErrors?.corrected,
  ],
  infernode_gpu_ecc_uncorrected_errors: [
    "Memory errors that could not be corrected since the driver was loaded.",
    (gpu) => gpu.eccErrors?.uncorrected,
  ],
  infernode_gpu_mig_enabled: [
    "1 when the GPU is split into instances, else 0.",
    (gpu) => (gpu.isMigEnabled === undefined ? undefined : Number(gpu.isMigEnabled)),
  ],
  infernode_gpu_processes: ["Processes that hold memory of the GPU.", (gpu) => gpu.processes.length],
};

/** Creates the metrics of GPUs, labelled by uuid, index and name. Without a GPU no family appears. */
export function createGpuMetrics(registry: MetricRegistry): GpuMetrics {
  let scope: SeriesScope | undefined;

  return {
    gpus(samples) {
      scope?.dispose();
      scope = createSeriesScope(registry);
      for (const [name, [help, read]] of Object.entries(gauges)) {
        if (samples.length === 0) continue;
        const set = scope.gauge({ name, help, labelNames: ["uuid", "index", "name"] });
        for (const gpu of samples) {
          const value = read(gpu);
          const labels: LabelValues = { uuid: gpu.uuid, index: String(gpu.index), name: gpu.name };
          if (value !== undefined) set(value, labels);
        }
      }
    },
  };
}
