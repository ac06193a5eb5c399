import { readFileSync, realpathSync } from "node:fs";
import type { TensorInfo } from "@infernode/models";
import { openProcessLibrary } from "./process-library.ts";

/** Tells the system how files that are mapped into this process are used. */
export interface FileMappings {
  /**
   * Has each use of a mapped part of a file bring in some pages of 4 KiB, never 2 MiB: rows that are looked up one by one
   * would otherwise hold most of an embedding in memory.
   */
  useSmallPages(range: Pick<TensorInfo, "filePath" | "startByte" | "endByte">): void;
}

/** `MADV_NOHUGEPAGE` of `madvise`. */
const noHugePages = 15;
const pageBytes = 4096;

/** A part of the address space: `start-end permissions offset device inode path`. */
const mappingLine = /^([\da-f]+)-([\da-f]+) \S+ ([\da-f]+) \S+ \S+ +(\/.*)$/gm;

/**
 * Opens the system's calls; `undefined` elsewhere than on Linux.
 *
 * @see https://man7.org/linux/man-pages/man2/madvise.2.html
 */
export function openFileMappings(): FileMappings | undefined {
  if (process.platform !== "linux") return undefined;
  const madvise = openProcessLibrary().func("madvise", "int", ["size_t", "size_t", "int"]) as (
    address: number,
    lengthBytes: number,
    advice: number,
  ) => number;
  return {
    useSmallPages({ filePath, startByte, endByte }) {
      const realPath = realpathSync(filePath);
      for (const [, start = "", end = "", offset = "", path] of readMappings()) {
        if (path !== realPath) continue;
        const address = Number.parseInt(start, 16) - Number.parseInt(offset, 16);
        const from = Math.max(Number.parseInt(start, 16), address + startByte);
        const to = Math.min(Number.parseInt(end, 16), address + endByte);
        if (from >= to) continue;
        const firstPage = from - (from % pageBytes);
        // A kernel without huge pages refuses, and need not be told.
        madvise(firstPage, to - firstPage, noHugePages);
      }
    },
  };
}

function readMappings(): Iterable<RegExpExecArray> {
  return readFileSync("/proc/self/maps", "utf8").matchAll(mappingLine);
}
