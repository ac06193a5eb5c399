import { ModelError } from "../../errors.ts";
import { parseSafetensorsHeader } from "./parse-safetensors-header.ts";
import { readFully } from "../../files/read-file.ts";
import type { NamedFile } from "../../files/read-file.ts";
import type { TensorInfo } from "../stored-weight.ts";

/** The format's own limit. */
const maxHeaderBytes = 100_000_000;
const lengthBytes = 8;
const lfsPointerStart = "version ";

/**
 * Reads and checks the header of one safetensors file: the length in its first 8 bytes, then the JSON.
 * Nothing is allocated before the length is compared with the file's size.
 *
 * @throws ModelError `SAFETENSORS_TRUNCATED`, `SAFETENSORS_HEADER_TOO_LARGE`, `INVALID_SAFETENSORS`, `UNSUPPORTED_DTYPE`
 * @see https://github.com/huggingface/safetensors#format
 */
export async function readSafetensorsHeader(opened: NamedFile): Promise<TensorInfo[]> {
  const { path } = opened;
  const { sizeBytes } = opened.file;
  if (sizeBytes < lengthBytes) {
    const mismatch = { expected: `at least ${lengthBytes} bytes`, got: String(sizeBytes) };
    throw new ModelError("SAFETENSORS_TRUNCATED", mismatch, { file: path });
  }
  const lengthField = new Uint8Array(lengthBytes);
  await readFully(opened, lengthField, 0);
  const headerBytes = checkedHeaderLength(lengthField, { path, sizeBytes });
  const header = new Uint8Array(headerBytes);
  await readFully(opened, header, lengthBytes);
  return parseSafetensorsHeader(decodeHeader(header, path), {
    filePath: path,
    dataStartByte: lengthBytes + headerBytes,
    fileBytes: sizeBytes,
  });
}

function checkedHeaderLength(
  lengthField: Uint8Array,
  file: { readonly path: string; readonly sizeBytes: number },
): number {
  const { path, sizeBytes } = file;
  if (new TextDecoder().decode(lengthField) === lfsPointerStart) {
    const got = `a Git LFS pointer of ${sizeBytes} bytes`;
    throw new ModelError(
      "INVALID_SAFETENSORS",
      { expected: "a safetensors file", got, advice: "fetch the file itself (git lfs pull)" },
      { file: path },
    );
  }
  const length = new DataView(lengthField.buffer).getBigUint64(0, true);
  if (length > maxHeaderBytes) {
    const mismatch = { expected: `a header of at most ${maxHeaderBytes} bytes`, got: `one of ${length}` };
    throw new ModelError("SAFETENSORS_HEADER_TOO_LARGE", mismatch, { file: path });
  }
  const headerBytes = Number(length);
  if (lengthBytes + headerBytes > sizeBytes) {
    const expected = `${lengthBytes + headerBytes} bytes for the header alone`;
    throw new ModelError(
      "SAFETENSORS_TRUNCATED",
      { expected, got: `a file of ${sizeBytes}` },
      { file: path },
    );
  }
  return headerBytes;
}

function decodeHeader(header: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch (error) {
    const mismatch = { expected: "a header in UTF-8", got: "other bytes" };
    throw new ModelError("INVALID_SAFETENSORS", mismatch, { file: path, cause: error });
  }
}
