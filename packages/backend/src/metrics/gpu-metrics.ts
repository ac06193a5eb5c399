import {
  createSeriesScope,
  type LabelValues,
  type MetricRegistry,
  type SeriesScope,
} from "@infernode/health";
import type { GpuDetails } from "@infernode/memory/cuda";

/** The properties of a GPU that the metrics use. */
export type GpuSample = Omit<GpuDetails, "pciAddress" | "computeCapability" | "migInstances">;

/** GPU metrics. */
export interface GpuMetrics {
  /** Replaces the series of all GPUs. GPUs and values that are missing are removed. */
  gpus(samples: readonly GpuSample[]): void;
}

const gauges: Readonly<
  Record<string, readonly [help: string, read: (gpu: GpuSample) => number | undefined]>
> = {
  infernode_gpu_memory_total_bytes: ["Total memory.", (gpu) => gpu.totalBytes],
  infernode_gpu_memory_used_bytes: ["Memory in use by any process.", (gpu) => gpu.usedBytes],
  infernode_gpu_memory_free_bytes: ["Free memory.", (gpu) => gpu.freeBytes],
  infernode_gpu_utilization_ratio: [
    "Fraction of the last sample period in which a kernel was running.",
    (gpu) => gpu.utilization,
  ],
  infernode_gpu_memory_utilization_ratio: [
    "Fraction of the last sample period in which memory was read or written.",
    (gpu) => gpu.memoryUtilization,
  ],
  infernode_gpu_temperature_celsius: ["Temperature in degrees Celsius.", (gpu) => gpu.temperatureCelsius],
  infernode_gpu_power_watts: ["Power draw in watts.", (gpu) => gpu.powerWatts],
  infernode_gpu_power_limit_watts: ["Power limit in watts.", (gpu) => gpu.powerLimitWatts],
  infernode_gpu_ecc_corrected_errors: [
    "Corrected memory errors since the driver was loaded.",
    (gpu) => gpu.eccErrors?.corrected,
  ],
  infernode_gpu_ecc_uncorrected_errors: [
    "Uncorrected memory errors since the driver was loaded.",
    (gpu) => gpu.eccErrors?.uncorrected,
  ],
  infernode_gpu_mig_enabled: [
    "1 if MIG is enabled, 0 otherwise.",
    (gpu) => (gpu.isMigEnabled === undefined ? undefined : Number(gpu.isMigEnabled)),
  ],
  infernode_gpu_processes: ["Processes that use memory of the GPU.", (gpu) => gpu.processes.length],
};

/** Creates GPU metrics, labelled by uuid, index and name. Without a GPU there are no families. */
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
