import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, release, totalmem } from "node:os";

/** Properties of the machine that matter to an engine. */
export interface SystemInfo {
  readonly os: string;
  readonly architecture: string;
  readonly processor: string;
  readonly logicalCores: number;
  /** `undefined` if the system does not report it. */
  readonly physicalCores: number | undefined;
  /** The features that matter to the kernels; `undefined` if the system does not report them. */
  readonly processorFeatures: readonly string[] | undefined;
  /** Of the machine, regardless of the container's limit. */
  readonly totalBytes: number;
  readonly nodeVersion: string;
  readonly isNodeSupported: boolean;
}

const featureNames = [
  "avx",
  "avx2",
  "fma",
  "f16c",
  "avx512f",
  "avx512_vnni",
  "avx_vnni",
  "amx_int8",
  "asimd",
  "sve",
];

function parseFeatures(cpuinfo: string): readonly string[] {
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? "";
  const present = new Set(line.split(/\s+/));
  return featureNames.filter((name) => present.has(name));
}

function countPhysicalCores(cpuinfo: string): number | undefined {
  const cores = new Set<string>();
  for (const block of cpuinfo.split(/\n\s*\n/)) {
    const core = /^core id\s*:\s*(\d+)/m.exec(block)?.[1];
    if (core !== undefined) cores.add(`${/^physical id\s*:\s*(\d+)/m.exec(block)?.[1] ?? "0"}:${core}`);
  }
  return cores.size > 0 ? cores.size : undefined;
}

/** Whether this version of Node.js is at least 20.19. */
export function isSupportedNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 20 || (major === 20 && minor >= 19);
}

/** Reads the properties of this machine. */
export async function readSystemInfo(): Promise<SystemInfo> {
  const cpuinfo = await readFile("/proc/cpuinfo", "utf8").catch(() => undefined);
  return {
    os: `${process.platform} ${release()}`,
    architecture: process.arch,
    processor: cpus()[0]?.model.trim() || "unknown",
    logicalCores: availableParallelism(),
    physicalCores: cpuinfo === undefined ? undefined : countPhysicalCores(cpuinfo),
    processorFeatures: cpuinfo === undefined ? undefined : parseFeatures(cpuinfo),
    totalBytes: totalmem(),
    nodeVersion: process.versions.node,
    isNodeSupported: isSupportedNode(process.versions.node),
  };
}
