import { readFileSync } from "node:fs";
import { freemem, totalmem } from "node:os";

/** The memory that a process on this machine may use. */
export interface HostMemory {
  readonly totalBytes: number;
  /** Available without swapping; includes reclaimable caches. */
  readonly freeBytes: number;
  /** Where the limit comes from. */
  readonly limitedBy: "system" | "cgroup-v1" | "cgroup-v2";
}

export interface HostMemoryOptions {
  /** Reads a small text file; undefined when it does not exist. [the file system] */
  readonly readTextFile?: ((path: string) => string | undefined) | undefined;
  /** The machine's memory, without control groups. [`node:os` and /proc/meminfo] */
  readonly system?: { readonly totalBytes: number; readonly freeBytes: number } | undefined;
}

type ReadTextFile = (path: string) => string | undefined;

interface CgroupFiles {
  readonly version: "cgroup-v1" | "cgroup-v2";
  readonly root: string;
  readonly limit: string;
  readonly usage: string;
  /** The line of `memory.stat` with reclaimable file pages. */
  readonly reclaimable: string;
}

const v2: CgroupFiles = {
  version: "cgroup-v2",
  root: "/sys/fs/cgroup",
  limit: "memory.max",
  usage: "memory.current",
  reclaimable: "inactive_file",
};

const v1: CgroupFiles = {
  version: "cgroup-v1",
  root: "/sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  usage: "memory.usage_in_bytes",
  reclaimable: "total_inactive_file",
};

function readTextFileIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Absent or not readable: either way it sets no known limit.
    return undefined;
  }
}

/** Reads a file that holds one number of bytes; undefined for `max` and for no file. */
function readBytes(readTextFile: ReadTextFile, path: string): number | undefined {
  const text = readTextFile(path)?.trim() ?? "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Reads the control group of this process in the memory hierarchy. */
function readGroupPath(readTextFile: ReadTextFile, files: CgroupFiles): string {
  for (const line of (readTextFile("/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined || controllers === undefined) continue;
    if (files === v2 ? controllers === "" : controllers.split(",").includes("memory")) return path;
  }
  return "/";
}

/** Lists the folders from the group up to the root; a limit of any of them applies. */
function listFolders(root: string, groupPath: string): readonly string[] {
  const names = groupPath.split("/").filter((name) => name !== "" && name !== "..");
  return names.map((_, depth) => `${root}/${names.slice(0, names.length - depth).join("/")}`).concat(root);
}

function readCgroup(
  readTextFile: ReadTextFile,
  files: CgroupFiles,
  system: { readonly totalBytes: number },
): HostMemory | undefined {
  let tightest: HostMemory | undefined;
  for (const folder of listFolders(files.root, readGroupPath(readTextFile, files))) {
    const limit = readBytes(readTextFile, `${folder}/${files.limit}`);
    if (limit === undefined || limit >= system.totalBytes) continue;
    const usage = readBytes(readTextFile, `${folder}/${files.usage}`) ?? 0;
    const stat = readTextFile(`${folder}/memory.stat`) ?? "";
    const reclaimable = Number(new RegExp(`^${files.reclaimable} (\\d+)$`, "m").exec(stat)?.[1] ?? 0);
    const freeBytes = Math.max(0, limit - Math.max(0, usage - reclaimable));
    tightest = {
      totalBytes: Math.min(limit, tightest?.totalBytes ?? limit),
      freeBytes: Math.min(freeBytes, tightest?.freeBytes ?? freeBytes),
      limitedBy: files.version,
    };
  }
  return tightest;
}

/** `MemAvailable` includes reclaimable caches; `freemem` of older systems does not. */
function readSystem(readTextFile: ReadTextFile): { totalBytes: number; freeBytes: number } {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(readTextFile("/proc/meminfo") ?? "")?.[1];
  return {
    totalBytes: totalmem(),
    freeBytes: available === undefined ? freemem() : Number(available) * 1024,
  };
}

/**
 * Reads how much memory this process may use: the machine's, or less where a control group limits it.
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html#memory
 */
export function readHostMemory(options: HostMemoryOptions = {}): HostMemory {
  const readTextFile = options.readTextFile ?? readTextFileIfExists;
  const system = options.system ?? readSystem(readTextFile);
  const group = readCgroup(readTextFile, v2, system) ?? readCgroup(readTextFile, v1, system);
  if (group === undefined) return { ...system, limitedBy: "system" };
  return { ...group, freeBytes: Math.min(group.freeBytes, system.freeBytes) };
}
