import { open } from "node:fs/promises";
import type { FileAccess } from "../../files/file-access.ts";
import { createNodeFileAccess } from "../../files/node-file-access.ts";
import { readFully } from "../../files/read-file.ts";
import { formatChecksums } from "../quantize/format-checksums.ts";
import { publishFile } from "../quantize/publish-file.ts";
import { readSafetensorsHeader } from "../safetensors/read-safetensors.ts";
import type { PrepackedCopy, TensorInfo } from "../stored-weight.ts";
import type { FileRange } from "./preparation-target.ts";
import { runRangeJobs, type RangeJobOptions } from "./run-range-jobs.ts";
import {
  decodeHeader,
  encodeHeader,
  lengthBytes,
  paddingBefore,
  paddingEntry,
  paddingPrefix,
  type CopyIndex,
  type HeaderEntry,
  type TensorFileMetadata,
} from "./tensor-header.ts";

/** A tensor of another file, and copies of it, that are to be in a tensor file. */
export interface TensorSource {
  readonly tensor: Pick<TensorInfo, "name" | "dtype" | "shape"> & FileRange;
  readonly copies?: readonly { readonly key: string; readonly parts: readonly FileRange[] }[] | undefined;
}

/** A tensor file whose header was read. */
export interface TensorFile {
  readonly path: string;
  /** With their copies. */
  readonly tensors: readonly TensorInfo[];
  readonly metadata: TensorFileMetadata;
  /** Whether all bytes have the checksums of the header. */
  verify(options: RangeJobOptions): Promise<boolean>;
}

/** An entry that is yet to be written, and where its bytes are from; `undefined` for padding. */
interface PlannedEntry {
  readonly entry: HeaderEntry;
  readonly source: FileRange | undefined;
}

const maxHeaderBytes = 100_000_000;

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
  const { planned, copies, sizeBytes } = layOut(content.tensors);
  const header = (checksums: readonly number[]): Uint8Array => {
    const sums = checksums[Symbol.iterator]();
    const entries = planned.map(({ entry, source }) =>
      source === undefined ? entry : { ...entry, checksum: sums.next().value ?? 0 },
    );
    return encodeHeader(entries, { ...content.metadata, copies: JSON.stringify(copies) });
  };
  const dataStart = header([]).length;
  await publishFile(path, async (partialPath) => {
    const target = await open(partialPath, "wx");
    try {
      await target.truncate(dataStart + sizeBytes);
      const jobs = planned.flatMap(({ entry, source }) =>
        source === undefined
          ? []
          : { source, target: { filePath: partialPath, startByte: dataStart + entry.startByte } },
      );
      const bytes = header(await runRangeJobs(jobs, options));
      await target.write(bytes, 0, bytes.length, 0);
    } finally {
      await target.close();
    }
  });
}

function layOut(tensors: readonly TensorSource[]): {
  readonly planned: readonly PlannedEntry[];
  readonly copies: CopyIndex;
  readonly sizeBytes: number;
} {
  const planned: PlannedEntry[] = [];
  let offset = 0;
  const place = (tensor: Pick<HeaderEntry, "name" | "dtype" | "shape">, source: FileRange): void => {
    const { name, dtype, shape } = tensor;
    const size = source.endByte - source.startByte;
    const startByte = offset + paddingBefore(offset, size);
    if (startByte > offset) planned.push({ entry: paddingEntry(offset, startByte), source: undefined });
    offset = startByte + size;
    planned.push({ entry: { name, dtype, shape, startByte, endByte: offset, checksum: undefined }, source });
  };
  const copies: Record<string, [string, string[]][]> = {};
  for (const { tensor } of tensors) place(tensor, tensor);
  for (const { tensor, copies: ofTensor = [] } of tensors) {
    for (const [index, { key, parts }] of ofTensor.entries()) {
      const names = parts.map((_part, part) => nameOfPart(tensor.name, index, part));
      (copies[tensor.name] ??= []).push([key, names]);
      for (const [part, range] of parts.entries()) {
        const name = names[part] ?? "";
        place({ name, dtype: "U8", shape: [range.endByte - range.startByte] }, range);
      }
    }
  }
  return { planned, copies, sizeBytes: offset };
}

/** The name of one part of a copy. */
export function nameOfPart(tensorName: string, copy: number, part: number): string {
  return `${tensorName}.copy.${copy}.${part}`;
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
  const { copies: copyIndex, checksums, metadata } = decodeHeader(header, path);
  const copies = new Map(Object.entries(copyIndex));
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
      return checksums === formatChecksums(sums);
    },
  };
}
