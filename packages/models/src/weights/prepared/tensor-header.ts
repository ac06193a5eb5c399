import { crc32 } from "node:zlib";
import { ModelError } from "../../errors.ts";
import { formatChecksums } from "../quantize/format-checksums.ts";

/** What a tensor file says of itself. */
export type TensorFileMetadata = Readonly<Record<string, string>>;

/** Copies by the name of the tensor: each a key and the names of its parts. */
export type CopyIndex = Readonly<
  Record<string, readonly (readonly [key: string, parts: readonly string[]])[]>
>;

/** Bytes of the data that have a name. Padding has no checksum. */
export interface HeaderEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Half-open, from the start of the data. */
  readonly startByte: number;
  readonly endByte: number;
  /** CRC-32. */
  readonly checksum: number | undefined;
}

export const lengthBytes = 8;
/** Large tensors begin at a page of memory, small ones where every processor can load them. */
const pageBytes = 4096;
const alignmentBytes = 64;
export const paddingPrefix = "padding.";

/** Bytes before the next tensor of a size. */
export function paddingBefore(offset: number, sizeBytes: number): number {
  const alignment = sizeBytes >= pageBytes ? pageBytes : alignmentBytes;
  return (alignment - (offset % alignment)) % alignment;
}

/** Bytes that nothing reads, as an entry: the format allows no holes. */
export function paddingEntry(startByte: number, endByte: number): HeaderEntry {
  const shape = [endByte - startByte];
  return {
    name: `${paddingPrefix}${startByte}`,
    dtype: "U8",
    shape,
    startByte,
    endByte,
    checksum: undefined,
  };
}

/**
 * Encodes the bytes before the data: the entries in the order of the data, the metadata with the checksums, and a
 * checksum of both.
 * @throws RangeError where they are more than `sizeBytes` [as many as are needed]
 */
export function encodeHeader(
  entries: readonly HeaderEntry[],
  metadata: TensorFileMetadata,
  sizeBytes?: number,
): Uint8Array {
  const fields = entries.map(({ name, dtype, shape, startByte, endByte }) => {
    return [name, { dtype, shape, data_offsets: [startByte, endByte] }] as const;
  });
  const tensors = Object.fromEntries(fields);
  const checksums = formatChecksums(entries.flatMap(({ checksum }) => checksum ?? []));
  const described = { ...metadata, checksums };
  const index = checksumOf(described, tensors);
  const text = new TextEncoder().encode(
    JSON.stringify({ __metadata__: { ...described, index }, ...tensors }),
  );
  const neededBytes = Math.ceil((lengthBytes + text.length) / pageBytes) * pageBytes;
  if (sizeBytes !== undefined && lengthBytes + text.length > sizeBytes) {
    throw new RangeError(`expected a header of at most ${sizeBytes} bytes, got ${neededBytes}`);
  }
  const bytes = new Uint8Array(sizeBytes ?? neededBytes).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - lengthBytes), true);
  bytes.set(text, lengthBytes);
  return bytes;
}

/** A header whose own checksum was compared. */
export interface DecodedHeader {
  readonly copies: CopyIndex;
  readonly checksums: string;
  readonly metadata: TensorFileMetadata;
}

/** @throws ModelError `INVALID_SAFETENSORS` */
export function decodeHeader(text: string, path: string): DecodedHeader {
  const { __metadata__: fields = {}, ...entries } = JSON.parse(text) as {
    readonly __metadata__?: TensorFileMetadata;
    readonly [name: string]: unknown;
  };
  const { index, ...described } = fields;
  if (index !== checksumOf(described, entries)) {
    const mismatch = { expected: "a header with its checksum", got: "another one" };
    throw new ModelError("INVALID_SAFETENSORS", mismatch, { file: path });
  }
  const { copies = "{}", checksums = "", ...metadata } = described;
  return { copies: JSON.parse(copies) as CopyIndex, checksums, metadata };
}

function checksumOf(metadata: TensorFileMetadata, tensors: Readonly<Record<string, unknown>>): string {
  return crc32(JSON.stringify([metadata, tensors])).toString(16);
}
