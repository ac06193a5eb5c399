/** A compute instance of a GPU that is split (Multi-Instance GPU). */
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
  /** As CUDA counts with every device visible. */
  readonly index: number;
  /** `GPU-…`. */
  readonly uuid: string;
  readonly name: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Share of the last sample period in which a kernel ran, in [0, 1]; undefined where nobody knows. */
  readonly utilization?: number | undefined;
  /** A GPU that is split serves through its instances only. */
  readonly isMigEnabled?: boolean | undefined;
  readonly migInstances?: readonly MigInstance[] | undefined;
}

/** A GPU of some machine of a cluster. */
export interface ClusterGpu extends LocalGpu {
  readonly nodeName: string;
  /** Where the node is reached. */
  readonly nodeAddress?: string | undefined;
}
