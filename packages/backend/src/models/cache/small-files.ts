import { randomUUID } from "node:crypto";
import { open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectory } from "./make-directory.ts";

/** Files of the cache directory with one ending, of some kilobytes each. */
export interface SmallFileKind {
  /** With its dot. */
  readonly ending: string;
  /** The oldest are removed. */
  readonly maxFiles: number;
}

/** A file that is kept. */
export interface SmallFile {
  /** The name of the file, without its ending. */
  readonly key: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly writtenAtMs: number;
}

/** Lists what is kept in a directory, the most recently written first; nothing where there is no directory. */
export async function listSmallFiles(
  directory: string,
  { ending }: Pick<SmallFileKind, "ending">,
): Promise<readonly SmallFile[]> {
  const names = await readdir(directory).catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => name.endsWith(ending))
      .map(async (name): Promise<SmallFile | undefined> => {
        const path = join(directory, name);
        // Another process may have removed it.
        const file = await stat(path).catch(() => undefined);
        if (file?.isFile() !== true) return undefined;
        const key = name.slice(0, -ending.length);
        return { key, path, sizeBytes: file.size, writtenAtMs: file.mtimeMs };
      }),
  );
  return found.filter((each) => each !== undefined).toSorted((a, b) => b.writtenAtMs - a.writtenAtMs);
}

/** Reads a file of at most `maxBytes`; `undefined` for a longer one. @throws the error of the system */
export async function readSmallFile(path: string, maxBytes: number): Promise<Buffer | undefined> {
  const file = await open(path, "r");
  try {
    const bytes = Buffer.alloc(maxBytes + 1);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytesRead > maxBytes ? undefined : bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Writes a file as a whole, so that another process never reads a part. @throws the error of the system */
export async function writeSmallFile(
  directory: string,
  { key, ending, maxFiles }: SmallFileKind & { readonly key: string },
  content: Uint8Array | string,
): Promise<void> {
  await makeDirectory(directory);
  const name = `${key}${ending}`;
  const kept = await listSmallFiles(directory, { ending });
  const others = kept.filter((each) => each.key !== key);
  for (const { path } of others.slice(maxFiles - 1)) await rm(path, { force: true });
  const partial = join(directory, `${name}.${process.pid}.${randomUUID()}.partial`);
  try {
    await writeFile(partial, content, { flag: "wx" });
    await rename(partial, join(directory, name));
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
