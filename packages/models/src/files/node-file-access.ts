import { open, readdir, stat } from "node:fs/promises";

import type { FileAccess, FileStat, OpenFile } from "./file-access.ts";

/** Some systems read less than 2 GiB in a call. */
const maxReadBytes = 2 ** 30;

/** Makes access to the file system through `node:fs`. */
export function createNodeFileAccess(): FileAccess {
  return {
    async stat(path): Promise<FileStat | undefined> {
      try {
        const found = await stat(path);
        const kind = found.isFile() ? "file" : found.isDirectory() ? "directory" : "other";
        return { kind, sizeBytes: found.size };
      } catch (error) {
        if (isAbsence(error)) {
          return undefined;
        }
        throw error;
      }
    },
    list: async (directory) => readdir(directory),
    async open(path): Promise<OpenFile> {
      const handle = await open(path, "r");
      try {
        const { size } = await handle.stat();
        return {
          sizeBytes: size,
          async read(into, startByte): Promise<number> {
            const { bytesRead } = await handle.read(
              into,
              0,
              Math.min(into.byteLength, maxReadBytes),
              startByte,
            );
            return bytesRead;
          },
          close: async () => handle.close(),
        };
      } catch (error) {
        await handle.close();
        throw error;
      }
    },
  };
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
