import { open, type FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { TensorInfo } from "../stored-weight.ts";
import { type QuantizedFile, writtenTensors } from "./quantized-file.ts";

const windowBytes = 4 * 2 ** 20;

/** Whether the file is there as planned, to the last byte of its header, and its data has the checksums of its header. */
export async function verifyQuantizedFile(file: QuantizedFile): Promise<boolean> {
  const handle = await open(file.path, "r").catch(() => undefined);
  if (handle === undefined) return false;
  try {
    if ((await handle.stat()).size !== file.sizeBytes) return false;
    const expected = await checksumsOf(handle, file);
    const header = file.header(expected);
    const stored = new Uint8Array(header.length);
    await handle.read(stored, 0, stored.length, 0);
    return Buffer.compare(header, stored) === 0;
  } finally {
    await handle.close();
  }
}

async function checksumsOf(handle: FileHandle, file: QuantizedFile): Promise<ReadonlyMap<string, number>> {
  const buffer = new Uint8Array(windowBytes);
  const checksumOf = async ({ startByte, endByte }: TensorInfo): Promise<number> => {
    let sum = 0;
    for (let at = startByte; at < endByte; at += windowBytes) {
      const length = Math.min(windowBytes, endByte - at);
      const { bytesRead } = await handle.read(buffer, 0, length, at);
      sum = crc32(buffer.subarray(0, bytesRead), sum);
    }
    return sum;
  };
  const sums = new Map<string, number>();
  for (const tensor of file.matrices.flatMap(({ weight }) => writtenTensors(weight))) {
    if (!sums.has(tensor.name)) sums.set(tensor.name, await checksumOf(tensor));
  }
  return sums;
}
