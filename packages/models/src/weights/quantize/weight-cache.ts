import { open, readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { removeStamp, stampedAtMs, touchStamp } from "./file-stamp.ts";
import { partialEnding } from "./publish-file.ts";

/** Quantized weights that are kept on disk. */
export interface CachedWeights {
  readonly kind: "weights";
  /** The name of the file, without its ending. */
  readonly key: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly usedAtMs: number;
  /** The checkpoint that they were made of. `undefined` where the file does not say. */
  readonly source: string | undefined;
  /** Such as `int4, blocks of 32`. */
  readonly quantization: string | undefined;
  /** The library and the processor that it has copies of weights for. */
  readonly preparedFor: string | undefined;
}

const ending = ".safetensors";
const maxHeaderBytes = 16 * 2 ** 20;

/** Lists what is kept in a directory, the most recently used first; nothing where there is no directory. */
export async function listCachedWeights(directory: string): Promise<readonly CachedWeights[]> {
  const names = await readdir(directory).catch(() => []);
  const found = await Promise.all(
    names.filter((name) => name.endsWith(ending)).map(async (name) => describe(directory, name)),
  );
  return found.filter((each) => each !== undefined).toSorted((a, b) => b.usedAtMs - a.usedAtMs);
}

/** Notes that a file was used now, so that others are removed before it. */
export async function touchCachedWeights(path: string): Promise<void> {
  // A changed time would make the file another one.
  if (await touchStamp(path)) return;
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

/** Removes what is kept. A process that has it open keeps it. */
export async function removeCachedWeights({ path }: Pick<CachedWeights, "path">): Promise<void> {
  await rm(path, { force: true });
  await removeStamp(path);
}

/**
 * Removes the least recently used files until `neededBytes` more fit into `maxBytes`, and what processes that are
 * gone have not finished. A process that has a removed file open keeps it. Returns what was removed.
 */
export async function makeRoomInCache(
  directory: string,
  { maxBytes, neededBytes }: { readonly maxBytes: number; readonly neededBytes: number },
): Promise<readonly CachedWeights[]> {
  await removePartials(directory);
  const kept = [...(await listCachedWeights(directory))];
  let bytes = kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, neededBytes);
  const removed: CachedWeights[] = [];
  while (bytes > maxBytes) {
    const oldest = kept.pop();
    if (oldest === undefined) break;
    await removeCachedWeights(oldest);
    bytes -= oldest.sizeBytes;
    removed.push(oldest);
  }
  return removed;
}

async function removePartials(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    if (!name.endsWith(partialEnding)) continue;
    const pid = Number(name.split(".").at(-3));
    if (!isRunning(pid)) await rm(join(directory, name), { force: true, recursive: true });
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It runs, and is another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function describe(directory: string, name: string): Promise<CachedWeights | undefined> {
  const path = join(directory, name);
  const file = await stat(path).catch(() => undefined);
  if (file?.isFile() !== true) return undefined;
  const { source, quantization, preparedFor } = await readCachedMetadata(path).catch(
    (): CachedMetadata => ({}),
  );
  const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  return {
    kind: "weights",
    key: name.slice(0, -ending.length),
    path,
    sizeBytes: file.size,
    usedAtMs: Math.max(file.mtimeMs, await stampedAtMs(path)),
    source: textOf(source),
    quantization: textOf(quantization),
    preparedFor: textOf(preparedFor),
  };
}

/** What a file of cached weights says of itself. */
export type CachedMetadata = Readonly<Record<string, string>>;

/** Reads what a file of cached weights says of itself. */
export async function readCachedMetadata(path: string): Promise<CachedMetadata> {
  const file = await open(path, "r");
  try {
    const length = new DataView(new ArrayBuffer(8));
    await file.read(length, 0, 8, 0);
    const headerBytes = Math.min(Number(length.getBigUint64(0, true)), maxHeaderBytes);
    const header = new Uint8Array(headerBytes);
    await file.read(header, 0, headerBytes, 8);
    const { __metadata__: metadata } = JSON.parse(new TextDecoder().decode(header)) as {
      readonly __metadata__?: CachedMetadata;
    };
    return metadata ?? {};
  } finally {
    await file.close();
  }
}
