import type { LocalGpu, MigInstance } from "./gpu.ts";

/** The GPUs that a process can use. */
export interface VisibleGpus {
  /** In CUDA's order. An instance of a GPU in MIG mode is a GPU of its own here. */
  readonly gpus: readonly LocalGpu[];
  /** Entries that have no effect: the first invalid one and those after it, and all others beside a MIG instance. */
  readonly ignoredEntries: readonly string[];
}

/** An instance as a GPU of its own. */
function instanceAsGpu(gpu: LocalGpu, instance: MigInstance): LocalGpu {
  const { uuid, totalBytes, freeBytes } = instance;
  return { ...gpu, uuid, totalBytes, freeBytes, isMigEnabled: false, migInstances: [] };
}

function isInstance({ uuid }: LocalGpu): boolean {
  return uuid.startsWith("MIG-");
}

/** The instances of a GPU in MIG mode, as GPUs of their own; what the driver lists is one already. */
export function instancesOf(gpu: LocalGpu): readonly LocalGpu[] {
  if (isInstance(gpu)) return [gpu];
  return (gpu.migInstances ?? []).map((instance) => instanceAsGpu(gpu, instance));
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
  return findByPrefix(devices.flatMap(instancesOf), entry);
}

/** A GPU in MIG mode that is named as a whole is used through its first instance. */
function wholeOrFirstInstance(gpu: LocalGpu | undefined): LocalGpu | undefined {
  return gpu?.isMigEnabled === true ? instancesOf(gpu)[0] : gpu;
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

/** The GPUs that a list of entries names, up to the first invalid one. */
function findNamed(devices: readonly LocalGpu[], entries: readonly string[]): readonly LocalGpu[] {
  const [first = ""] = entries;
  const kind = first.startsWith("GPU-") ? "GPU-" : first.startsWith("MIG-") ? "MIG-" : "index";
  const named: LocalGpu[] = [];
  for (const entry of entries) {
    const gpu = findGpu(devices, entry, kind);
    if (gpu === undefined) break;
    named.push(gpu);
  }
  return named;
}

/**
 * Resolves `CUDA_VISIBLE_DEVICES` as CUDA does. The first entry decides whether the list has indices, UUIDs
 * (abbreviations allowed) or MIG instances; the first invalid entry ends it. An empty list, or one with a
 * device twice, hides all devices. A process has one MIG instance at most, the first, and no GPU beside it, also where
 * there is no list.
 * @see https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables
 * @see https://docs.nvidia.com/datacenter/tesla/mig-user-guide/mig-device-names.html#cuda-device-enumeration
 * @see https://github.com/pytorch/pytorch/blob/main/torch/cuda/__init__.py for repeated and malformed entries
 */
export function resolveVisibleGpus(
  devices: readonly LocalGpu[],
  visibleDevices: string | undefined,
): VisibleGpus {
  if (visibleDevices === undefined) {
    const all = devices.flatMap((gpu) => wholeOrFirstInstance(gpu) ?? []);
    const instance = all.find(isInstance);
    return { gpus: instance === undefined ? all : [instance], ignoredEntries: [] };
  }
  if (visibleDevices === "") return { gpus: [], ignoredEntries: [] };
  const entries = visibleDevices.split(",").map((entry) => entry.trim());
  const gpus = findNamed(devices, entries);
  if (new Set(gpus.map(({ uuid }) => uuid)).size < gpus.length) return { gpus: [], ignoredEntries: entries };
  const at = gpus.findIndex(isInstance);
  if (at < 0) return { gpus, ignoredEntries: entries.slice(gpus.length) };
  return { gpus: gpus.slice(at, at + 1), ignoredEntries: entries.toSpliced(at, 1) };
}
