import type { LocalGpu, MigInstance } from "./gpu.ts";

/** The GPUs that a process sees. */
export interface VisibleGpus {
  /** In the order in which CUDA counts them; an instance of a split GPU stands for itself. */
  readonly gpus: readonly LocalGpu[];
  /** Entries of the list that have no effect, the first of them because it is not valid. */
  readonly ignoredEntries: readonly string[];
}

function asGpu(gpu: LocalGpu, instance: MigInstance): LocalGpu {
  const { uuid, totalBytes, freeBytes } = instance;
  return { ...gpu, uuid, totalBytes, freeBytes, isMigEnabled: false, migInstances: [] };
}

/** The one whose name starts so; undefined for none and for more than one. */
function findByPrefix<Named extends { readonly uuid: string }>(
  all: readonly Named[],
  prefix: string,
): Named | undefined {
  const exact = all.find(({ uuid }) => uuid === prefix);
  if (exact !== undefined) return exact;
  const matches = all.filter(({ uuid }) => uuid.startsWith(prefix));
  return matches.length === 1 ? matches[0] : undefined;
}

/** `MIG-<uuid>` in full or abbreviated, or `MIG-<GPU uuid>/<GPU instance>/<compute instance>`. */
function findInstance(devices: readonly LocalGpu[], entry: string): LocalGpu | undefined {
  const [, gpuUuid, gpuInstance, computeInstance] = /^MIG-(GPU-[^/]+)\/(\d+)\/(\d+)$/.exec(entry) ?? [];
  if (gpuUuid !== undefined) {
    const gpu = findByPrefix(devices, gpuUuid);
    const instance = gpu?.migInstances?.find(
      ({ gpuInstanceId, computeInstanceId }) =>
        gpuInstanceId === Number(gpuInstance) && computeInstanceId === Number(computeInstance),
    );
    return gpu === undefined || instance === undefined ? undefined : asGpu(gpu, instance);
  }
  const instances = devices.flatMap((gpu) =>
    (gpu.migInstances ?? []).map((instance) => asGpu(gpu, instance)),
  );
  return findByPrefix(instances, entry);
}

/** A split GPU that is named as a whole serves through its first instance. */
function wholeOrFirstInstance(gpu: LocalGpu | undefined): LocalGpu | undefined {
  if (gpu?.isMigEnabled !== true) return gpu;
  const first = gpu.migInstances?.[0];
  return first === undefined ? undefined : asGpu(gpu, first);
}

function findGpu(
  devices: readonly LocalGpu[],
  entry: string,
  kind: "index" | "GPU-" | "MIG-",
): LocalGpu | undefined {
  if (kind === "MIG-") return entry.startsWith("MIG-") ? findInstance(devices, entry) : undefined;
  if (kind === "GPU-") {
    return entry.startsWith("GPU-") ? wholeOrFirstInstance(findByPrefix(devices, entry)) : undefined;
  }
  // Read as C reads a number: what follows the digits does not count.
  const index = /^\+?\d+/.exec(entry)?.[0];
  if (index === undefined) return undefined;
  return wholeOrFirstInstance(devices.find((gpu) => gpu.index === Number(index)));
}

/**
 * Reads `CUDA_VISIBLE_DEVICES` as CUDA does: the first entry says whether the list is of indices, of UUIDs
 * (abbreviations allowed) or of instances; the first entry that is not valid ends it; an empty list and one
 * that names a device twice show nothing; one instance of a split GPU is all that a process sees.
 * @see https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables
 * @see https://github.com/pytorch/pytorch/blob/main/torch/cuda/__init__.py for repeated and malformed entries
 */
export function resolveVisibleGpus(
  devices: readonly LocalGpu[],
  visibleDevices: string | undefined,
): VisibleGpus {
  if (visibleDevices === undefined) {
    return { gpus: devices.filter((gpu) => gpu.isMigEnabled !== true), ignoredEntries: [] };
  }
  const entries = visibleDevices.split(",").map((entry) => entry.trim());
  const first = entries[0] ?? "";
  const kind = first.startsWith("GPU-") ? "GPU-" : first.startsWith("MIG-") ? "MIG-" : "index";
  const gpus: LocalGpu[] = [];
  for (const [position, entry] of entries.entries()) {
    const gpu = findGpu(devices, entry, kind);
    const isInstance = gpu?.uuid.startsWith("MIG-") ?? false;
    if (gpu === undefined || (isInstance && gpus.length > 0)) {
      return { gpus, ignoredEntries: visibleDevices === "" ? [] : entries.slice(position) };
    }
    if (gpus.some(({ uuid }) => uuid === gpu.uuid)) return { gpus: [], ignoredEntries: entries };
    gpus.push(gpu);
    if (isInstance) return { gpus, ignoredEntries: entries.slice(position + 1) };
  }
  return { gpus, ignoredEntries: [] };
}
