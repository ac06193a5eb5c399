import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { createNodeFileAccess } from "../../files/node-file-access.ts";
import { parseChecksums } from "../quantize/format-checksums.ts";
import { partialPathOf } from "../quantize/publish-file.ts";
import { readCachedMetadata } from "../quantize/weight-cache.ts";
import { readSafetensorsHeader } from "../safetensors/read-safetensors.ts";
import type { TensorInfo } from "../stored-weight.ts";
import type { CopiedTensor, FileRange } from "./preparation-target.ts";
import { openRangeThread, type RangeThread } from "./range-thread.ts";
import type { RangeJobOptions } from "./run-range-jobs.ts";
import { nameOfPart } from "./tensor-file.ts";
import { encodeHeader, paddingBefore, paddingEntry, type HeaderEntry } from "./tensor-header.ts";

/** Weights whose copies are made together. */
export interface CopyGroup {
  readonly weightNames: readonly string[];
  readonly sizeBytes: number;
}

/** What is appended to a file. */
export interface AppendedCopies {
  readonly groups: readonly CopyGroup[];
  /** Makes the copies of some weights in an empty directory. Several are made at the same time. */
  readonly makeCopies: (
    weightNames: readonly string[],
    directory: string,
  ) => Promise<readonly CopiedTensor[]>;
  /** Added to the metadata of the file. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Appends copies of weights to a file that has room for them in its header, group by group: what a group's copies take
 * until they are in the file is removed before the next ones. The header is written last; until then the file is what
 * it was, with bytes behind it.
 * @throws Error of the system or of `makeCopies`; the signal's reason
 */
export async function appendCopies(
  path: string,
  { groups, makeCopies, metadata }: AppendedCopies,
  { threadCount, onProgress, signal, rangeWorkerUrl }: RangeJobOptions,
): Promise<void> {
  const file = await readQuantizedFile(path);
  const appended = new AppendedEntries(file.sizeBytes);
  const totalBytes = groups.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  // The largest first, so that no thread is left with it at the end.
  const waiting = groups.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  const scratch = partialPathOf(path);
  let doneBytes = 0;
  let groupCount = 0;
  const work = async (): Promise<void> => {
    await using thread = openRangeThread(rangeWorkerUrl);
    // Where one fails, the others begin no further group.
    using _ = { [Symbol.dispose]: () => void (waiting.length = 0) };
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      const directory = join(scratch, String(groupCount));
      groupCount += 1;
      await mkdir(directory, { recursive: true });
      const copied = await makeCopies(group.weightNames, directory);
      signal?.throwIfAborted();
      for (const tensor of copied) await append(tensor, thread);
      await rm(directory, { recursive: true });
      doneBytes += group.sizeBytes;
      onProgress?.(doneBytes, totalBytes);
    }
  };
  const append = async ({ tensorName, copies }: CopiedTensor, thread: RangeThread): Promise<void> => {
    if (!file.tensorNames.has(tensorName)) return;
    for (const [copy, { key, parts }] of copies.entries()) {
      const names = parts.map((_part, part) => nameOfPart(tensorName, copy, part));
      for (const [part, range] of parts.entries()) {
        const entry = appended.place(names[part] ?? "", range);
        const target = { filePath: path, startByte: file.dataStart + entry.startByte };
        appended.add({ ...entry, checksum: await thread.run({ source: range, target }) });
      }
      appended.addCopy(tensorName, key, names);
    }
  };
  try {
    const results = await Promise.allSettled(Array.from({ length: threadCount }, work));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  await writeHeader(path, file, { appended, metadata });
}

/** Entries behind those of a file, in the order of the data once all are there. */
class AppendedEntries {
  readonly #entries: HeaderEntry[] = [];
  readonly #copies: Record<string, [key: string, parts: readonly string[]][]> = {};
  #endByte: number;

  constructor(endByte: number) {
    this.#endByte = endByte;
  }

  /** Takes the bytes behind the last ones. */
  place(name: string, { startByte, endByte }: FileRange): Omit<HeaderEntry, "checksum"> {
    const sizeBytes = endByte - startByte;
    const start = this.#endByte + paddingBefore(this.#endByte, sizeBytes);
    if (start > this.#endByte) this.#entries.push(paddingEntry(this.#endByte, start));
    this.#endByte = start + sizeBytes;
    return { name, dtype: "U8", shape: [sizeBytes], startByte: start, endByte: this.#endByte };
  }

  add(entry: HeaderEntry): void {
    this.#entries.push(entry);
  }

  addCopy(tensorName: string, key: string, parts: readonly string[]): void {
    (this.#copies[tensorName] ??= []).push([key, parts]);
  }

  get entries(): readonly HeaderEntry[] {
    return this.#entries.toSorted((a, b) => a.startByte - b.startByte);
  }

  get copies(): string {
    return JSON.stringify(this.#copies);
  }
}

/** A file of quantized weights without copies. */
interface QuantizedFileContent {
  readonly entries: readonly HeaderEntry[];
  readonly tensorNames: ReadonlySet<string>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of the header, and of the data behind it. */
  readonly dataStart: number;
  readonly sizeBytes: number;
}

async function readQuantizedFile(path: string): Promise<QuantizedFileContent> {
  const tensors = await readTensors(path);
  const { checksums: checksumText = "", ...metadata } = await readCachedMetadata(path);
  const checksums = parseChecksums(checksumText);
  const dataStart = tensors[0]?.startByte ?? 0;
  const entries = tensors.map(({ name, dtype, shape, startByte, endByte }, index): HeaderEntry => {
    const range = { startByte: startByte - dataStart, endByte: endByte - dataStart };
    return { name, dtype, shape, ...range, checksum: checksums[index] };
  });
  return {
    entries,
    tensorNames: new Set(tensors.map(({ name }) => name)),
    metadata,
    dataStart,
    sizeBytes: entries.at(-1)?.endByte ?? 0,
  };
}

async function readTensors(path: string): Promise<readonly TensorInfo[]> {
  const file = await createNodeFileAccess().open(path);
  try {
    return await readSafetensorsHeader({ path, file });
  } finally {
    await file.close();
  }
}

async function writeHeader(
  path: string,
  file: QuantizedFileContent,
  {
    appended,
    metadata,
  }: { readonly appended: AppendedEntries; readonly metadata: Readonly<Record<string, string>> },
): Promise<void> {
  const described = { ...file.metadata, ...metadata, copies: appended.copies };
  const header = encodeHeader([...file.entries, ...appended.entries], described, file.dataStart);
  const target = await open(path, "r+");
  try {
    await target.write(header, 0, header.length, 0);
  } finally {
    await target.close();
  }
}
