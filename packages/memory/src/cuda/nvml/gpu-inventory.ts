import type { LocalGpu } from "../../devices/gpu.ts";

/** A process with memory on a GPU. */
export interface GpuProcess {
  readonly pid: number;
  /** Undefined where the driver does not report it, such as in a container or on Windows. */
  readonly usedBytes: number | undefined;
  /** Undefined for a process of another user or container. */
  readonly name: string | undefined;
}

/** Properties and current state of a GPU. Values that the device, the driver or this user does not get are undefined. */
export interface GpuDetails extends LocalGpu {
  /** `0000:17:00.0` */
  readonly pciAddress: string;
  readonly computeCapability: { readonly major: number; readonly minor: number };
  readonly usedBytes: number;
  /** Share of the last sample period in which a kernel ran, in [0, 1]. */
  readonly utilization: number | undefined;
  /** Share of the last sample period in which memory was read or written, in [0, 1]. */
  readonly memoryUtilization: number | undefined;
  readonly temperatureCelsius: number | undefined;
  readonly powerWatts: number | undefined;
  readonly powerLimitWatts: number | undefined;
  /** Since the driver was loaded. */
  readonly eccErrors: { readonly corrected: number; readonly uncorrected: number } | undefined;
  /** Whether the GPU is in MIG mode; undefined where it has none. */
  readonly isMigEnabled: boolean | undefined;
  readonly processes: readonly GpuProcess[];
}

/** A GPU that could not be read, such as one that fell off the bus. */
export interface GpuProblem {
  readonly index: number;
  /** The failed call with the library's name and text of the status. */
  readonly message: string;
}

/** The GPUs of a machine, or the reason why none can be read. */
export interface GpuInventory {
  /** Undefined without a driver. */
  readonly driver:
    | {
        /** Such as `580.65.06`; undefined without NVML. */
        readonly version: string | undefined;
        /** The newest CUDA version that the driver supports, such as `13.0`. */
        readonly cudaVersion: string;
        readonly source: "nvml" | "cuda";
      }
    | undefined;
  /** Why there is no driver, or why NVML was not used. */
  readonly reason: string | undefined;
  readonly gpus: readonly GpuDetails[];
  readonly problems: readonly GpuProblem[];
}
