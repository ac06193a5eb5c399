import { closeSync, openSync, readSync } from "node:fs";
import type { TensorInfo } from "@infernode/models";

/** Reads the bits of a tensor in BF16. */
export function readBfloat16Bits({ filePath, startByte, endByte }: TensorInfo): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array((endByte - startByte) / 2);
  const file = openSync(filePath, "r");
  try {
    readSync(file, halves, 0, halves.byteLength, startByte);
  } finally {
    closeSync(file);
  }
  return halves;
}

/** Reads a tensor in BF16 as float32. */
export function readBfloat16(tensor: TensorInfo): Float32Array<ArrayBuffer> {
  const bits = Uint32Array.from(readBfloat16Bits(tensor), (half) => half << 16);
  return new Float32Array(bits.buffer);
}
