import type { FileAccess, FileStat, OpenFile } from "../../src/index.ts";

export interface MemoryFiles extends FileAccess {
  /** Files that are open now. */
  openCount(): number;
  /** The largest buffer that a read was asked to fill. */
  largestRead(): number;
}

/** Files that exist in memory only. A value may be a function from a byte range to bytes, with a size. */
export function createMemoryFiles(contents: Readonly<Record<string, Uint8Array | string>>): MemoryFiles {
  const files = new Map<string, Uint8Array>();
  for (const [path, content] of Object.entries(contents)) {
    files.set(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }
  let open = 0;
  let largest = 0;
  const isDirectory = (path: string): boolean =>
    [...files.keys()].some((name) => name.startsWith(`${path}/`));
  return {
    openCount: () => open,
    largestRead: () => largest,
    async stat(path): Promise<FileStat | undefined> {
      const file = files.get(path);
      if (file !== undefined) {
        return { kind: "file", sizeBytes: file.byteLength };
      }
      return isDirectory(path) ? { kind: "directory", sizeBytes: 0 } : undefined;
    },
    async list(directory): Promise<readonly string[]> {
      const start = `${directory}/`;
      return [...files.keys()]
        .filter((path) => path.startsWith(start))
        .map((path) => path.slice(start.length));
    },
    async open(path): Promise<OpenFile> {
      const file = files.get(path);
      if (file === undefined) {
        throw new Error(`no ${path}`);
      }
      open += 1;
      return {
        sizeBytes: file.byteLength,
        async read(into, startByte): Promise<number> {
          largest = Math.max(largest, into.byteLength);
          const part = file.subarray(startByte, startByte + into.byteLength);
          into.set(part);
          return part.byteLength;
        },
        async close(): Promise<void> {
          open -= 1;
        },
      };
    },
  };
}
