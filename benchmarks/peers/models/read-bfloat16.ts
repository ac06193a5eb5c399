import { closeSync, openSync, readSync } from "node:fs";
import type { TensorInfo } from "@infernode/models";

/** Reads a tensor in BF16 as float32. */
export function readBfloat16({ filePath, startByte, endByte }: TensorInfo): Float32Array {
  const halves = new Uint16Array((endByte - startByte) / 2);
  const file = openSync(filePath, "r");
  try {
    readSync(file, halves, 0, halves.byteLength, startByte);
  } finally {
    closeSync(file);
  }
  const bits = new Uint32Array(halves.length);
  for (let at = 0; at < bits.length; at += 1) bits[at] = halves[at]! << 16;
  return new Float32Array(bits.buffer);
}
