import type { LocalGpu, MigInstance } from "./gpu.ts";

/** The GPUs that a process can use. */
export interface VisibleGpus {
  /** In CUDA's order. An instance of a GPU in MIG mode is a GPU of its own here. */
  readonly gpus: readonly LocalGpu[];
  /** Entries that have no effect: the first invalid one and those after it, and those beside a MIG instance that hides them. */
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

/** The driver that shows several MIG instances to a process; those before show one. */
const severalInstancesDriver = 570;

/** A driver whose version is unknown is taken for a later one. */
function showsSeveralInstances(driverVersion: string | undefined): boolean {
  const major = Number.parseInt(driverVersion ?? "", 10);
  return !(major < severalInstancesDriver);
}

/** A GPU in MIG mode that is named as a whole is used through its first instance. */
function wholeOrFirstInstance(gpu: LocalGpu | undefined): LocalGpu | undefined {
  return gpu?.isMigEnabled === true ? instancesOf(gpu)[0] : gpu;
}

/** What a process has without a list: whole GPUs, and of GPUs in MIG mode the first compute instance of each GPU instance. */
function firstInstances(devices: readonly LocalGpu[]): readonly LocalGpu[] {
  return devices.flatMap((gpu) => {
    if (gpu.isMigEnabled !== true) return [gpu];
    const ids = new Set<number>();
    const firsts = (gpu.migInstances ?? []).filter(({ gpuInstanceId }) => {
      const isFirst = !ids.has(gpuInstanceId);
      ids.add(gpuInstanceId);
      return isFirst;
    });
    return firsts.map((instance) => instanceAsGpu(gpu, instance));
  });
}

/** What distinguishes devices for CUDA, which treats a compute instance and its GPU instance as one. */
function deviceKeyOf({ uuid }: LocalGpu, devices: readonly LocalGpu[]): string {
  for (const gpu of devices) {
    const instance = gpu.migInstances?.find((each) => each.uuid === uuid);
    if (instance !== undefined) return `${gpu.uuid}/${instance.gpuInstanceId}`;
  }
  return uuid;
}

function findGpu(
  devices: readonly LocalGpu[],
  entry: string,
  { kind, hasSeveral }: { readonly kind: "index" | "GPU-" | "MIG-"; readonly hasSeveral: boolean },
): LocalGpu | undefined {
  if (kind === "MIG-") return entry.startsWith("MIG-") ? findInstance(devices, entry) : undefined;
  if (kind === "GPU-") {
    return entry.startsWith("GPU-") ? wholeOrFirstInstance(findByPrefix(devices, entry)) : undefined;
  }
  // Parsed like C's atoi: what follows the digits is ignored.
  const index = /^\+?\d+/.exec(entry)?.[0];
  if (index === undefined) return undefined;
  const isAnyInMigMode = devices.some((gpu) => gpu.isMigEnabled === true);
  if (hasSeveral && isAnyInMigMode) return firstInstances(devices)[Number(index)];
  return wholeOrFirstInstance(devices.find((gpu) => gpu.index === Number(index)));
}

/** The GPUs that a list of entries names, up to the first invalid one. */
function findNamed(
  devices: readonly LocalGpu[],
  entries: readonly string[],
  hasSeveral: boolean,
): readonly LocalGpu[] {
  const [first = ""] = entries;
  const kind = first.startsWith("GPU-") ? "GPU-" : first.startsWith("MIG-") ? "MIG-" : "index";
  const named: LocalGpu[] = [];
  for (const entry of entries) {
    const gpu = findGpu(devices, entry, { kind, hasSeveral });
    if (gpu === undefined) break;
    named.push(gpu);
  }
  return named;
}

/**
 * Resolves `CUDA_VISIBLE_DEVICES` as CUDA does. The first entry decides whether the list has indices, UUIDs
 * (abbreviations allowed) or MIG instances; the first invalid entry ends it. An empty list, or one with a
 * device twice, hides all devices. Of a GPU in MIG mode a process has one compute instance of each GPU instance: the
 * first of the list, or of all. With a driver before R570 it has one in all, and no GPU beside it. NVIDIA does not say what
 * an index is where GPUs are in MIG mode: it is taken to count what a process has without a list.
 * @see https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables
 * @see https://docs.nvidia.com/datacenter/tesla/mig-user-guide/mig-device-names.html#cuda-device-enumeration
 * @see https://github.com/pytorch/pytorch/blob/main/torch/cuda/__init__.py for repeated and malformed entries
 */
export function resolveVisibleGpus(
  devices: readonly LocalGpu[],
  visibleDevices: string | undefined,
  /** Of the NVIDIA driver, such as `580.65.06`. [of R570 or later] */
  driverVersion?: string,
): VisibleGpus {
  const hasSeveral = showsSeveralInstances(driverVersion);
  if (visibleDevices === undefined) {
    const all = firstInstances(devices);
    const instance = all.find(isInstance);
    return { gpus: hasSeveral || instance === undefined ? all : [instance], ignoredEntries: [] };
  }
  if (visibleDevices === "") return { gpus: [], ignoredEntries: [] };
  const entries = visibleDevices.split(",").map((entry) => entry.trim());
  const gpus = findNamed(devices, entries, hasSeveral);
  if (new Set(gpus.map(({ uuid }) => uuid)).size < gpus.length) return { gpus: [], ignoredEntries: entries };
  const at = gpus.findIndex(isInstance);
  if (hasSeveral || at < 0) {
    const keys = gpus.map((gpu) => deviceKeyOf(gpu, devices));
    const isShown = (index: number): boolean =>
      index < keys.length && keys.indexOf(keys[index] ?? "") === index;
    return {
      gpus: gpus.filter((_, index) => isShown(index)),
      ignoredEntries: entries.filter((_, index) => !isShown(index)),
    };
  }
  return { gpus: gpus.slice(at, at + 1), ignoredEntries: entries.toSpliced(at, 1) };
}
