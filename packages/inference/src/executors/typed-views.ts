import { InferenceError } from "../errors.ts";

/** The same memory as integers. */
export function int32(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, aligned(bytes), bytes.byteLength / 4);
}

/** The same memory as floats. */
export function float32(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.buffer, aligned(bytes), bytes.byteLength / 4);
}

function aligned(bytes: Uint8Array): number {
  if (bytes.byteOffset % 4 !== 0) {
    const mismatch = { expected: "memory at a multiple of 4 bytes", got: `an offset of ${bytes.byteOffset}` };
    throw new InferenceError("EXECUTOR_FAILED", mismatch);
  }
  return bytes.byteOffset;
}
