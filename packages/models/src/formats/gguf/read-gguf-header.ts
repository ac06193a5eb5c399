import { ModelError, quoteValue, type ModelErrorCode, type Mismatch } from "../../errors.ts";
import type { NamedFile } from "../../files/read-file.ts";
import {
  blockFormats,
  ggmlTypeName,
  isPacking,
  isReadableType,
  readableTypes,
} from "../../weights/ggml/ggml-types.ts";
import type { GgmlType } from "../../weights/ggml/ggml-types.ts";
import { dtypeSizeBytes } from "../../weights/tensor-dtype.ts";
import { GgufCursor } from "./gguf-cursor.ts";
import { readGgufMetadata, readGgufText, type GgufMetadata } from "./gguf-metadata.ts";

/** A tensor of a GGUF file. */
export interface GgufTensor {
  /** As the file spells it, such as `blk.0.attn_q.weight`. */
  readonly name: string;
  readonly type: GgmlType;
  /** The outermost dimension first, so `(rows, columns)` of a matrix; the file has them the other way round. */
  readonly shape: readonly number[];
  /** Byte range in the file, half-open. */
  readonly startByte: number;
  readonly endByte: number;
}

/** What is before the data of a GGUF file. */
export interface GgufHeader {
  readonly metadata: GgufMetadata;
  /** In the order of the data. */
  readonly tensors: readonly GgufTensor[];
  /** Where the metadata ends and the list of tensors starts. */
  readonly metadataEndByte: number;
}

const magic = "GGUF";
const magicBytes = 4;
const fixedBytes = 24;
const maxTensors = 2 ** 16;
/** llama.cpp allows 64. */
const maxNameBytes = 256;
const maxDimensions = 4;
/** A name of one letter, the number of dimensions, one of them, a type and an offset. */
const minTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;
const defaultAlignment = 32;
const maxAlignment = 2 ** 16;

/** Whether bytes start a GGUF file. */
export function isGgufMagic(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(0, magicBytes)) === magic;
}

/**
 * Reads and checks the header of one GGUF file, version 2 or 3: every count, length and offset is compared with the
 * file's size before anything is allocated for it. Keeps the arrays that `keepsArray` names.
 *
 * @throws ModelError `UNSUPPORTED_FORMAT`, `INVALID_GGUF`, `GGUF_TRUNCATED`, `GGUF_HEADER_TOO_LARGE`, `UNSUPPORTED_DTYPE`
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export async function readGgufHeader(
  file: NamedFile,
  keepsArray: (key: string) => boolean = () => false,
): Promise<GgufHeader> {
  const cursor = new GgufCursor(file);
  const place = { file: file.path };
  await cursor.fill(fixedBytes);
  if (cursor.text(magicBytes) !== magic) {
    throw new ModelError(
      "INVALID_GGUF",
      { expected: `a file that starts with ${magic}`, got: "other bytes" },
      place,
    );
  }
  assertVersion(cursor.u32(), file.path);
  const tensorCount = cursor.u64();
  const pairCount = cursor.u64();
  const metadata = await readGgufMetadata(cursor, pairCount, keepsArray);
  const metadataEndByte = cursor.position;
  const raw = await readTensors(cursor, tensorCount);
  const alignment = readAlignment(metadata, file.path);
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  return { metadata, metadataEndByte, tensors: placeTensors(raw, { file, alignment, dataStart }) };
}

function assertVersion(version: number, path: string): void {
  if (version === 2 || version === 3) return;
  const isBigEndian = version === 0x02000000 || version === 0x03000000;
  const got = isBigEndian ? "a big-endian file" : `version ${version}`;
  const advice = "convert the model again with llama.cpp's convert_hf_to_gguf.py";
  const expected = "a GGUF file of version 2 or 3, little-endian";
  throw new ModelError("UNSUPPORTED_FORMAT", { expected, got, advice }, { file: path });
}

/** A tensor whose data is not placed yet. */
interface RawTensor extends Omit<GgufTensor, "startByte" | "endByte"> {
  readonly offset: number;
  readonly sizeBytes: number;
}

async function readTensors(cursor: GgufCursor, count: number): Promise<RawTensor[]> {
  const { path } = cursor.file;
  if (count > maxTensors) {
    throw invalid({ expected: `at most ${maxTensors} tensors`, got: String(count) }, { path });
  }
  cursor.assertInside(count * minTensorBytes);
  const tensors = new Map<string, RawTensor>();
  for (let index = 0; index < count; index += 1) {
    const name = await readGgufText(cursor, { maxBytes: maxNameBytes, what: "a tensor's name" });
    if (tensors.has(name)) {
      const mismatch = { expected: "each tensor once", got: "one a second time" };
      throw invalid(mismatch, { path, tensor: name, code: "TENSOR_DUPLICATED" });
    }
    if (!cursor.has(4)) await cursor.fill(4);
    const dimensions = cursor.u32();
    if (dimensions < 1 || dimensions > maxDimensions) {
      const expected = `1 to ${maxDimensions} dimensions`;
      throw invalid({ expected, got: String(dimensions) }, { path, tensor: name });
    }
    const bytes = dimensions * 8 + 12;
    if (!cursor.has(bytes)) await cursor.fill(bytes);
    const shape = Array.from({ length: dimensions }, () => cursor.u64()).toReversed();
    const type = readType(cursor.u32(), { path, tensor: name });
    tensors.set(name, {
      name,
      type,
      shape,
      offset: cursor.u64(),
      sizeBytes: sizeOf(type, shape, { path, tensor: name }),
    });
  }
  return [...tensors.values()];
}

interface TensorPlace {
  readonly path: string;
  readonly tensor?: string;
  readonly code?: ModelErrorCode;
}

function readType(id: number, { path, tensor }: TensorPlace): GgmlType {
  const name = ggmlTypeName(id);
  if (isReadableType(name)) return name;
  const mismatch = { expected: `a type among ${readableTypes.join(", ")}`, got: name };
  throw new ModelError("UNSUPPORTED_DTYPE", mismatch, { file: path, tensor });
}

function sizeOf(type: GgmlType, shape: readonly number[], place: TensorPlace): number {
  const columns = shape.at(-1) ?? 0;
  const { elementCount, sizeBytes } = isPacking(type)
    ? blockFormats[type]
    : { elementCount: 1, sizeBytes: dtypeSizeBytes(type) };
  if (columns % elementCount !== 0) {
    const expected = `rows of a multiple of ${elementCount} numbers for ${type}`;
    throw invalid({ expected, got: String(columns) }, place);
  }
  let bytes = (columns / elementCount) * sizeBytes;
  for (const dimension of shape.slice(0, -1)) bytes *= dimension;
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  const expected = "dimensions of at least 1 and fewer than 2^53 bytes";
  throw invalid({ expected, got: `(${shape.join(", ")})` }, place);
}

function readAlignment(metadata: GgufMetadata, path: string): number {
  const alignment = metadata.get("general.alignment") ?? defaultAlignment;
  const isPower = typeof alignment === "number" && alignment >= 1 && Number.isInteger(Math.log2(alignment));
  if (isPower && alignment <= maxAlignment) return alignment;
  const mismatch = { expected: `a power of two up to ${maxAlignment}`, got: quoteValue(alignment) };
  throw new ModelError("INVALID_GGUF", mismatch, { file: path, field: "general.alignment" });
}

interface DataPlace {
  readonly file: NamedFile;
  readonly alignment: number;
  readonly dataStart: number;
}

function placeTensors(
  raw: readonly RawTensor[],
  { file: { path, file }, alignment, dataStart }: DataPlace,
): readonly GgufTensor[] {
  let end = dataStart;
  return raw
    .toSorted((a, b) => a.offset - b.offset)
    .map(({ name, type, shape, offset, sizeBytes }) => {
      const place = { path, tensor: name };
      const startByte = dataStart + offset;
      const endByte = startByte + sizeBytes;
      if (!(endByte <= file.sizeBytes)) {
        const mismatch = { expected: `a file of at least ${endByte} bytes`, got: `one of ${file.sizeBytes}` };
        throw invalid(mismatch, { ...place, code: "GGUF_TRUNCATED" });
      }
      if (offset % alignment !== 0) {
        const expected = `an offset that is a multiple of ${alignment}`;
        throw invalid({ expected, got: String(offset) }, place);
      }
      if (startByte < end) {
        const mismatch = {
          expected: `data from byte ${end - dataStart} on`,
          got: `${offset}, which overlaps`,
        };
        throw invalid(mismatch, place);
      }
      end = endByte;
      return { name, type, shape, startByte, endByte };
    });
}

function invalid(mismatch: Mismatch, { path, tensor, code = "INVALID_GGUF" }: TensorPlace): ModelError {
  return new ModelError(code, mismatch, { file: path, tensor });
}
