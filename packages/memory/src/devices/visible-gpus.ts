import type { LocalGpu, MigInstance } from "./gpu.ts";

/** The GPUs that a process can use. */
export interface VisibleGpus {
  /** In CUDA's order. An instance of a GPU in MIG mode is a GPU of its own here. */
  readonly gpus: readonly LocalGpu[];
  /** Entries that have no effect: the first invalid one and those after it. */
  readonly ignoredEntries: readonly string[];
}

function instanceAsGpu(gpu: LocalGpu, instance: MigInstance): LocalGpu {
  const { uuid, totalBytes, freeBytes } = instance;
  return { ...gpu, uuid, totalBytes, freeBytes, isMigEnabled: false, migInstances: [] };
}

/** The only one whose UUID has the prefix; undefined for none and for several. */
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
    return gpu === undefined || instance === undefined ? undefined : instanceAsGpu(gpu, instance);
  }
  const instances = devices.flatMap((gpu) =>
    (gpu.migInstances ?? []).map((instance) => instanceAsGpu(gpu, instance)),
  );
  return findByPrefix(instances, entry);
}

/** A GPU in MIG mode that is named as a whole is used through its first instance. */
function wholeOrFirstInstance(gpu: LocalGpu | undefined): LocalGpu | undefined {
  if (gpu?.isMigEnabled !== true) return gpu;
  const first = gpu.migInstances?.[0];
  return first === undefined ? undefined : instanceAsGpu(gpu, first);
}

/** The first instance of all; none where there are no instances. */
function firstInstance(devices: readonly LocalGpu[]): readonly LocalGpu[] {
  for (const gpu of devices) {
    const first = wholeOrFirstInstance(gpu);
    if (first !== undefined) return [first];
  }
  return [];
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
  // Parsed like C's atoi: what follows the digits is ignored.
  const index = /^\+?\d+/.exec(entry)?.[0];
  if (index === undefined) return undefined;
  return wholeOrFirstInstance(devices.find((gpu) => gpu.index === Number(index)));
}

/**
 * Resolves `CUDA_VISIBLE_DEVICES` as CUDA does. The first entry decides whether the list has indices, UUIDs
 * (abbreviations allowed) or MIG instances; the first invalid entry ends it. An empty list, or one with a
 * device twice, hides all devices. A process can use only one MIG instance: without the variable, it is the first one where all
 * GPUs are in MIG mode.
 * @see https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables
 * @see https://docs.nvidia.com/datacenter/tesla/mig-user-guide/mig-device-names.html
 * @see https://github.com/pytorch/pytorch/blob/main/torch/cuda/__init__.py for repeated and malformed entries
 */
export function resolveVisibleGpus(
  devices: readonly LocalGpu[],
  visibleDevices: string | undefined,
): VisibleGpus {
  if (visibleDevices === undefined) {
    const whole = devices.filter((gpu) => gpu.isMigEnabled !== true);
    return { gpus: whole.length > 0 ? whole : firstInstance(devices), ignoredEntries: [] };
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
