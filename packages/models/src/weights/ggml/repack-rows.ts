import type { BlockRows } from "../block-layout.ts";
import type { Packing } from "../stored-weight.ts";
import type { UnpackedBlock } from "./block-format.ts";
import { blockFormats } from "./ggml-types.ts";

/** Writes whole rows of a GGUF tensor's blocks as those of an executor: the same numbers, in another order. */
export function repackRows(source: Uint8Array, packing: Packing, out: BlockRows): void {
  const { unpack, sizeBytes, elementCount, blockSize, bits, hasMinima } = blockFormats[packing];
  const scaleCount = elementCount / blockSize;
  const block: UnpackedBlock = {
    q: new Uint8Array(elementCount),
    scales: new Float32Array(scaleCount),
    minima: new Float32Array(hasMinima ? scaleCount : 0),
  };
  const { q } = block;
  const { data } = out;
  let byte = 0;
  let scale = 0;
  for (let at = 0; at < source.length; at += sizeBytes) {
    unpack(source, at, block);
    if (bits === 8) {
      data.set(q, byte);
      byte += elementCount;
    } else {
      for (let index = 0; index < elementCount; index += 2) {
        data[byte] = q[index]! | (q[index + 1]! << 4);
        byte += 1;
      }
    }
    out.scales.set(block.scales, scale);
    if (hasMinima) out.minima.set(block.minima, scale);
    scale += scaleCount;
  }
}
