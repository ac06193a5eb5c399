import { randomUUID } from "node:crypto";
import { rename, rm } from "node:fs/promises";

/** The ending of what is being written; the process that writes it is in the name. */
export const partialEnding = ".partial";

/** A name beside `path` for what becomes it. */
export function partialPathOf(path: string): string {
  return `${path}.${process.pid}.${randomUUID()}${partialEnding}`;
}

/**
 * Writes a file, or a directory, under another name and renames it, so that at each moment the whole of it is there or
 * nothing is, also where two processes write it. What is left after a failure is removed.
 */
export async function publishFile(
  path: string,
  write: (partialPath: string) => Promise<void>,
): Promise<void> {
  const partialPath = partialPathOf(path);
  try {
    await write(partialPath);
    await rename(partialPath, path);
  } catch (error) {
    await rm(partialPath, { force: true, recursive: true }).catch(() => undefined);
    throw error;
  }
}
