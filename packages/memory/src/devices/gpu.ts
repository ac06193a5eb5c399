/** A compute instance of a GPU in MIG mode (Multi-Instance GPU). */
export interface MigInstance {
  /** `MIG-…`, as `nvidia-smi -L` writes it. */
  readonly uuid: string;
  readonly gpuInstanceId: number;
  readonly computeInstanceId: number;
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** A GPU of this machine. `GpuDetails` of `@infernode/memory/cuda` fits. */
export interface LocalGpu {
  /** CUDA's device index with every device visible. */
  readonly index: number;
  /** `GPU-…`; of a MIG instance that the driver lists, `MIG-…`. */
  readonly uuid: string;
  readonly name: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Share of the last sample period in which a kernel ran, in [0, 1]; undefined where it is unknown. */
  readonly utilization?: number | undefined;
  /** In MIG mode a GPU is used through its instances only. */
  readonly isMigEnabled?: boolean | undefined;
  readonly migInstances?: readonly MigInstance[] | undefined;
}

/** A GPU of a node in a cluster. */
export interface ClusterGpu extends LocalGpu {
  readonly nodeName: string;
  /** Host name or IP address of the node. */
  readonly nodeAddress?: string | undefined;
}
