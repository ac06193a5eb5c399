import { ModelError, quoteValue, type Mismatch } from "../../errors.ts";
import type { GgufCursor } from "./gguf-cursor.ts";

/** An array that was checked and not kept. */
export interface SkippedArray {
  readonly count: number;
}

type Scalar = number | bigint | boolean | string;

/** A value of the metadata. */
export type GgufValue = Scalar | readonly Scalar[] | SkippedArray;

export type GgufMetadata = ReadonlyMap<string, GgufValue>;

const maxPairs = 2 ** 16;
const maxKeyBytes = 2 ** 16 - 1;
const maxTextBytes = 16 * 2 ** 20;
/** As many as tokens may have ids. */
const maxKept = 2 ** 24;
/** A key of one letter, a type, and a value of one byte. */
const minPairBytes = 8 + 1 + 4 + 1;

const arrayType = 9;
const textType = 8;

interface ScalarType {
  readonly sizeBytes: number;
  readonly read: (view: DataView) => number | bigint | boolean;
}

/** By the number of the type in the file. */
const scalarTypes: ReadonlyMap<number, ScalarType> = new Map<number, ScalarType>([
  [0, { sizeBytes: 1, read: (view) => view.getUint8(0) }],
  [1, { sizeBytes: 1, read: (view) => view.getInt8(0) }],
  [2, { sizeBytes: 2, read: (view) => view.getUint16(0, true) }],
  [3, { sizeBytes: 2, read: (view) => view.getInt16(0, true) }],
  [4, { sizeBytes: 4, read: (view) => view.getUint32(0, true) }],
  [5, { sizeBytes: 4, read: (view) => view.getInt32(0, true) }],
  [6, { sizeBytes: 4, read: (view) => view.getFloat32(0, true) }],
  [7, { sizeBytes: 1, read: (view) => view.getUint8(0) !== 0 }],
  [10, { sizeBytes: 8, read: (view) => toNumber(view.getBigUint64(0, true)) }],
  [11, { sizeBytes: 8, read: (view) => toNumber(view.getBigInt64(0, true)) }],
  [12, { sizeBytes: 8, read: (view) => view.getFloat64(0, true) }],
]);

function toNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/**
 * Reads the metadata, checks all of it, and keeps arrays only where `keepsArray` says so.
 *
 * @throws ModelError `INVALID_GGUF`, `GGUF_TRUNCATED`, `GGUF_HEADER_TOO_LARGE`
 */
export async function readGgufMetadata(
  cursor: GgufCursor,
  count: number,
  keepsArray: (key: string) => boolean,
): Promise<GgufMetadata> {
  const reader = new MetadataReader(cursor);
  if (count > maxPairs) {
    throw reader.invalid({ expected: `at most ${maxPairs} values of metadata`, got: String(count) });
  }
  cursor.assertInside(count * minPairBytes);
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < count; index += 1) {
    const key = await reader.readText({ maxBytes: maxKeyBytes, what: "a key" });
    if (metadata.has(key)) throw reader.invalid({ expected: "each key once", got: "it a second time" }, key);
    metadata.set(key, await reader.readValue(key, keepsArray(key)));
  }
  return metadata;
}

/** Reads a text with its length before it. @throws as `readGgufMetadata` */
export async function readGgufText(cursor: GgufCursor, limit: TextLimit): Promise<string> {
  return new MetadataReader(cursor).readText(limit);
}

interface TextLimit {
  readonly maxBytes: number;
  /** What the text is, for errors. */
  readonly what: string;
}

class MetadataReader {
  readonly #cursor: GgufCursor;

  constructor(cursor: GgufCursor) {
    this.#cursor = cursor;
  }

  async readValue(key: string, keeps: boolean): Promise<GgufValue> {
    const type = await this.#readType(key);
    if (type === arrayType) return this.#readArray(key, keeps);
    if (type === textType) return this.readText({ maxBytes: maxTextBytes, what: `the text of ${key}` });
    return this.#readScalar(this.#scalarType(type, key));
  }

  async readText(limit: TextLimit): Promise<string> {
    if (!this.#cursor.has(8)) await this.#cursor.fill(8);
    const bytes = this.#textBytes(limit);
    if (!this.#cursor.has(bytes)) await this.#cursor.fill(bytes);
    return this.#text(bytes, limit);
  }

  invalid(mismatch: Mismatch, field?: string): ModelError {
    const details = { file: this.#cursor.file.path, field: field?.slice(0, 200) };
    return new ModelError("INVALID_GGUF", mismatch, details);
  }

  async #readArray(key: string, keeps: boolean): Promise<GgufValue> {
    const type = await this.#readType(key);
    if (type === arrayType) {
      throw this.invalid({ expected: "an array of numbers or texts", got: "one of arrays" }, key);
    }
    if (!this.#cursor.has(8)) await this.#cursor.fill(8);
    const count = this.#cursor.u64();
    const scalar = type === textType ? undefined : this.#scalarType(type, key);
    this.#cursor.assertInside(count * (scalar?.sizeBytes ?? 8));
    if (keeps && count > maxKept) {
      throw this.invalid({ expected: `an array of at most ${maxKept}`, got: String(count) }, key);
    }
    const kept: Scalar[] = [];
    if (scalar === undefined) await this.#readTexts(count, keeps ? kept : undefined);
    else if (keeps) await this.#readScalars(count, scalar, kept);
    else this.#cursor.skip(count * scalar.sizeBytes);
    return keeps ? kept : { count };
  }

  /** Waits only where a window ends: a vocabulary has some hundred thousand texts. */
  async #readTexts(count: number, kept: Scalar[] | undefined): Promise<void> {
    const limit = { maxBytes: maxTextBytes, what: "a text" };
    for (let index = 0; index < count; index += 1) {
      if (!this.#cursor.has(8)) await this.#cursor.fill(8);
      const bytes = this.#textBytes(limit);
      if (kept === undefined) {
        this.#cursor.skip(bytes);
      } else {
        if (!this.#cursor.has(bytes)) await this.#cursor.fill(bytes);
        kept.push(this.#text(bytes, limit));
      }
    }
  }

  async #readScalars(count: number, { sizeBytes, read }: ScalarType, kept: Scalar[]): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      if (!this.#cursor.has(sizeBytes)) await this.#cursor.fill(sizeBytes);
      kept.push(read(this.#cursor.view(sizeBytes)));
    }
  }

  /** Reads the length of a text. */
  #textBytes({ maxBytes, what }: TextLimit): number {
    const bytes = this.#cursor.u64();
    this.#cursor.assertInside(bytes);
    if (bytes <= maxBytes) return bytes;
    throw this.invalid({ expected: `${what} of at most ${maxBytes} bytes`, got: String(bytes) });
  }

  #text(bytes: number, { what }: TextLimit): string {
    const text = this.#cursor.text(bytes);
    if (text !== undefined) return text;
    throw this.invalid({ expected: `${what} in UTF-8`, got: "other bytes" });
  }

  async #readScalar({ sizeBytes, read }: ScalarType): Promise<number | bigint | boolean> {
    if (!this.#cursor.has(sizeBytes)) await this.#cursor.fill(sizeBytes);
    return read(this.#cursor.view(sizeBytes));
  }

  async #readType(key: string): Promise<number> {
    if (!this.#cursor.has(4)) await this.#cursor.fill(4);
    const type = this.#cursor.u32();
    if (type === arrayType || type === textType || scalarTypes.has(type)) return type;
    throw this.invalid({ expected: "a type of metadata from 0 to 12", got: String(type) }, key);
  }

  #scalarType(type: number, key: string): ScalarType {
    const scalar = scalarTypes.get(type);
    if (scalar === undefined) {
      throw this.invalid({ expected: "a type of a number", got: quoteValue(type) }, key);
    }
    return scalar;
  }
}
