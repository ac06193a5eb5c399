import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { ModelError } from "../../errors.ts";
import type { FileAccess } from "../../files/file-access.ts";
import { createNodeFileAccess } from "../../files/node-file-access.ts";
import { readFully } from "../../files/read-file.ts";
import { publishFile } from "../quantize/publish-file.ts";
import { readSafetensorsHeader } from "../safetensors/read-safetensors.ts";
import type { PrepackedCopy, TensorInfo } from "../stored-weight.ts";
import type { FileRange } from "./preparation-target.ts";
import { runRangeJobs, type RangeJobOptions } from "./run-range-jobs.ts";

/** A tensor of another file, and copies of it, that are to be in a tensor file. */
export interface TensorSource {
  readonly tensor: Pick<TensorInfo, "name" | "dtype" | "shape"> & FileRange;
  readonly copies?: readonly { readonly key: string; readonly parts: readonly FileRange[] }[] | undefined;
}

/** What a tensor file says of itself. */
export type TensorFileMetadata = Readonly<Record<string, string>>;

/** A tensor file whose header was read. */
export interface TensorFile {
  readonly path: string;
  /** With their copies. */
  readonly tensors: readonly TensorInfo[];
  readonly metadata: TensorFileMetadata;
  /** Whether all bytes have the checksums of the header. */
  verify(options: RangeJobOptions): Promise<boolean>;
}

/** An entry of the header, and where its bytes are from; `undefined` for padding. */
interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly startByte: number;
  readonly source: FileRange | undefined;
}

/** Copies by the name of the tensor: each a key and the names of its parts. */
type CopyIndex = Readonly<Record<string, readonly (readonly [key: string, parts: readonly string[]])[]>>;

const lengthBytes = 8;
const maxHeaderBytes = 100_000_000;
/** Large tensors begin at a page of memory, small ones where every processor can load them. */
const pageBytes = 4096;
const alignmentBytes = 64;
const paddingPrefix = "padding.";

/**
 * Writes a safetensors file of tensors from other files, with copies of some, and a CRC-32 of each. As long as it is
 * not whole it has another name.
 * @throws Error of the system
 */
export async function writeTensorFile(
  path: string,
  content: { readonly tensors: readonly TensorSource[]; readonly metadata: TensorFileMetadata },
  options: RangeJobOptions,
): Promise<void> {
  const { entries, copies, sizeBytes } = layOut(content.tensors);
  const header = (checksums: readonly number[]): Uint8Array =>
    encodeHeader(entries, { ...content.metadata, copies: JSON.stringify(copies) }, checksums);
  const dataStart = header([]).length;
  await publishFile(path, async (partialPath) => {
    const target = await open(partialPath, "wx");
    try {
      await target.truncate(dataStart + sizeBytes);
      const stored = entries.filter(isStored);
      const jobs = stored.map(({ source, startByte }) => ({
        source,
        target: { filePath: partialPath, startByte: dataStart + startByte },
      }));
      const bytes = header(await runRangeJobs(jobs, options));
      await target.write(bytes, 0, bytes.length, 0);
    } finally {
      await target.close();
    }
  });
}

function isStored(entry: Entry): entry is Entry & { readonly source: FileRange } {
  return entry.source !== undefined;
}

function layOut(tensors: readonly TensorSource[]): {
  readonly entries: readonly Entry[];
  readonly copies: CopyIndex;
  readonly sizeBytes: number;
} {
  const entries: Entry[] = [];
  let offset = 0;
  const place = (entry: Pick<Entry, "name" | "dtype" | "shape">, source: FileRange): void => {
    const size = source.endByte - source.startByte;
    const alignment = size >= pageBytes ? pageBytes : alignmentBytes;
    const gap = (alignment - (offset % alignment)) % alignment;
    if (gap > 0) {
      const name = `${paddingPrefix}${entries.length}`;
      entries.push({ name, dtype: "U8", shape: [gap], startByte: offset, source: undefined });
    }
    entries.push({ ...entry, startByte: offset + gap, source });
    offset += gap + size;
  };
  const copies: Record<string, [string, string[]][]> = {};
  for (const { tensor } of tensors) place(tensor, tensor);
  for (const { tensor, copies: ofTensor = [] } of tensors) {
    for (const [index, { key, parts }] of ofTensor.entries()) {
      const names = parts.map((_part, part) => `${tensor.name}.copy.${index}.${part}`);
      (copies[tensor.name] ??= []).push([key, names]);
      for (const [part, range] of parts.entries()) {
        const name = names[part] ?? "";
        place({ name, dtype: "U8", shape: [range.endByte - range.startByte] }, range);
      }
    }
  }
  return { entries, copies, sizeBytes: offset };
}

function encodeHeader(
  entries: readonly Entry[],
  metadata: TensorFileMetadata,
  checksums: readonly number[],
): Uint8Array {
  const stored = entries.filter(isStored);
  const sums = stored.map((_entry, index) => (checksums[index] ?? 0).toString(16).padStart(8, "0")).join("");
  const fields = entries.map(({ name, dtype, shape, startByte, source }) => {
    const size = source === undefined ? (shape[0] ?? 0) : source.endByte - source.startByte;
    return [name, { dtype, shape, data_offsets: [startByte, startByte + size] }] as const;
  });
  const tensors = Object.fromEntries(fields);
  const described = { ...metadata, checksums: sums };
  const index = checksumOf(described, tensors);
  const text = new TextEncoder().encode(
    JSON.stringify({ __metadata__: { ...described, index }, ...tensors }),
  );
  const bytes = new Uint8Array(Math.ceil((lengthBytes + text.length) / pageBytes) * pageBytes).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - lengthBytes), true);
  bytes.set(text, lengthBytes);
  return bytes;
}

function checksumOf(metadata: TensorFileMetadata, tensors: Readonly<Record<string, unknown>>): string {
  return crc32(JSON.stringify([metadata, tensors])).toString(16);
}

/**
 * Reads the header of a tensor file, and checks all of it.
 * @throws ModelError `INVALID_SAFETENSORS`, `SAFETENSORS_TRUNCATED` and those of reading a file
 */
export async function readTensorFile(
  path: string,
  files: FileAccess = createNodeFileAccess(),
): Promise<TensorFile> {
  const file = await files.open(path);
  try {
    const opened = { path, file };
    const tensors = await readSafetensorsHeader(opened);
    const lengthField = new Uint8Array(lengthBytes);
    await readFully(opened, lengthField, 0);
    const length = new DataView(lengthField.buffer).getBigUint64(0, true);
    const header = new Uint8Array(Math.min(Number(length), maxHeaderBytes));
    await readFully(opened, header, lengthBytes);
    return parse(path, tensors, new TextDecoder().decode(header));
  } finally {
    await file.close();
  }
}

function parse(path: string, all: readonly TensorInfo[], header: string): TensorFile {
  const { __metadata__: fields = {}, ...entries } = JSON.parse(header) as {
    readonly __metadata__?: TensorFileMetadata;
    readonly [name: string]: unknown;
  };
  const { index, ...described } = fields;
  if (index !== checksumOf(described, entries)) {
    const mismatch = { expected: "a header with its checksum", got: "another one" };
    throw new ModelError("INVALID_SAFETENSORS", mismatch, { file: path });
  }
  const { copies: copyText = "{}", checksums = "", ...metadata } = described;
  const copies = new Map(Object.entries(JSON.parse(copyText) as CopyIndex));
  const stored = all.filter(({ name }) => !name.startsWith(paddingPrefix));
  const byName = new Map(stored.map((tensor) => [tensor.name, tensor]));
  const partNames = new Set([...copies.values()].flatMap((each) => each.flatMap(([, parts]) => parts)));
  const withCopies = (tensor: TensorInfo): TensorInfo => {
    const prepacked = copies.get(tensor.name)?.map(([key, parts]): PrepackedCopy => ({
      key,
      parts: parts.flatMap((part) => byName.get(part) ?? []),
    }));
    return prepacked === undefined ? tensor : { ...tensor, prepacked };
  };
  return {
    path,
    metadata,
    tensors: stored.filter(({ name }) => !partNames.has(name)).map(withCopies),
    verify: async (options) => {
      const sums = await runRangeJobs(
        stored.map((source) => ({ source })),
        options,
      );
      return checksums === sums.map((sum) => sum.toString(16).padStart(8, "0")).join("");
    },
  };
}
