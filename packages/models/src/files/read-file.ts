import { ModelError } from "../errors.ts";
import type { FileAccess, FileStat, OpenFile } from "./file-access.ts";

export interface ReadTextOptions {
  readonly maxBytes: number;
}

/** An open file with the path that its errors name. */
export interface NamedFile {
  readonly path: string;
  readonly file: OpenFile;
}

/** Formats the kind of a path for a message. */
export function describeKind(kind: FileStat["kind"]): string {
  return kind === "other" ? "neither a file nor a directory" : `a ${kind}`;
}

/** Looks at a path; `undefined` when nothing is there. @throws ModelError `FILE_UNREADABLE` */
export async function statFile(files: FileAccess, path: string): Promise<FileStat | undefined> {
  try {
    return await files.stat(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The names in a directory, sorted. @throws ModelError `FILE_UNREADABLE` */
export async function listFiles(files: FileAccess, directory: string): Promise<readonly string[]> {
  try {
    return [...(await files.list(directory))].toSorted();
  } catch (error) {
    throw unreadable(directory, error);
  }
}

/** Opens a file. @throws ModelError `FILE_UNREADABLE` */
export async function openFile(files: FileAccess, path: string): Promise<NamedFile> {
  try {
    return { path, file: await files.open(path) };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Fills `into` from `startByte` on. @throws ModelError `FILE_UNREADABLE`, also when the file ends before */
export async function readFully(
  { path, file }: NamedFile,
  into: Uint8Array,
  startByte: number,
): Promise<void> {
  let filledBytes = 0;
  while (filledBytes < into.byteLength) {
    let readBytes: number;
    try {
      readBytes = await file.read(into.subarray(filledBytes), startByte + filledBytes);
    } catch (error) {
      throw unreadable(path, error);
    }
    if (readBytes <= 0) {
      const expected = `${into.byteLength} bytes from byte ${startByte}`;
      throw new ModelError(
        "FILE_UNREADABLE",
        { expected, got: String(filledBytes), advice: "the file became shorter" },
        { file: path },
      );
    }
    filledBytes += readBytes;
  }
}

/** Reads a text file whole; `undefined` when it is absent. @throws ModelError `FILE_TOO_LARGE`, `FILE_UNREADABLE` */
export async function readTextFile(
  files: FileAccess,
  path: string,
  options: ReadTextOptions,
): Promise<string | undefined> {
  const bytes = await readBytes(files, path, options);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

/** Reads a file whole; `undefined` when it is absent. @throws ModelError `FILE_TOO_LARGE`, `FILE_UNREADABLE` */
export async function readBytes(
  files: FileAccess,
  path: string,
  options: ReadTextOptions,
): Promise<Uint8Array | undefined> {
  const found = await statFile(files, path);
  if (found === undefined) {
    return undefined;
  }
  if (found.kind !== "file") {
    const mismatch = { expected: "a file", got: describeKind(found.kind) };
    throw new ModelError("FILE_UNREADABLE", mismatch, { file: path });
  }
  const opened = await openFile(files, path);
  try {
    const { sizeBytes } = opened.file;
    if (sizeBytes > options.maxBytes) {
      const mismatch = { expected: `at most ${options.maxBytes} bytes`, got: String(sizeBytes) };
      throw new ModelError("FILE_TOO_LARGE", mismatch, { file: path });
    }
    const bytes = new Uint8Array(sizeBytes);
    await readFully(opened, bytes, 0);
    return bytes;
  } finally {
    await opened.file.close();
  }
}

/** Reads a JSON file; `undefined` when it is absent. @throws ModelError `INVALID_JSON` and those of `readTextFile` */
export async function readJsonFile(
  files: FileAccess,
  path: string,
  options: ReadTextOptions,
): Promise<unknown> {
  const text = await readTextFile(files, path, options);
  if (text === undefined) {
    return undefined;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const mismatch = { expected: "JSON", got: `a syntax error: ${reasonOf(error)}` };
    throw new ModelError("INVALID_JSON", mismatch, { file: path, cause: error });
  }
}

function unreadable(path: string, cause: unknown): ModelError {
  const mismatch = { expected: "a readable file", got: reasonOf(cause) };
  return new ModelError("FILE_UNREADABLE", mismatch, { file: path, cause });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
