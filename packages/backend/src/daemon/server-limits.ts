import { readFileSync } from "node:fs";
import { readHostMemory } from "@infernode/memory";
import type { ServerConfig } from "../config/config.ts";

const defaultMaxConnections = 4096;

/** File descriptors of the daemon itself, and of starting an engine or a thread. */
const ownDescriptors = 64;

/** The limit of open files of this process; `undefined` if the system does not report it. */
function openFilesLimit(): number | undefined {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** Resolves the limits that the configuration leaves to the machine. */
export function resolveServerLimits(config: Pick<ServerConfig, "maxConnections" | "bodyMemoryBytes">): {
  readonly maxConnections: number;
  readonly bodyMemoryBytes: number;
} {
  const openFiles = openFilesLimit() ?? defaultMaxConnections;
  const possible = Math.max(1, openFiles - ownDescriptors);
  const eighth = Math.floor(readHostMemory().totalBytes / 8);
  return {
    maxConnections: Math.min(config.maxConnections ?? defaultMaxConnections, possible),
    bodyMemoryBytes: config.bodyMemoryBytes ?? Math.min(512 * 2 ** 20, Math.max(64 * 2 ** 20, eighth)),
  };
}
