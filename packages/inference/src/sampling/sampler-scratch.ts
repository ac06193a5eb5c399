import { Candidates } from "./candidates.ts";
import type { MemoryPort } from "../ports.ts";

const scratchAlignmentBytes = 64;
const bytesPerEntry = 8 + 4 + 4;
const maskBytesOf = (vocabSize: number): number => 4 * Math.ceil(vocabSize / 32);

/** Scratch arrays of a sampler, in one block of the injected memory. */
export interface SamplerScratch {
  readonly candidates: Candidates;
  /** `(vocabSize)` copy of the model's logits, for log-probabilities. */
  readonly rawLogits: Float32Array;
  /** A bit for each token, `(vocabSize / 32)` words, for constraints. */
  readonly mask: Uint32Array;
  dispose(): void;
}

/** Allocates the arrays as one block. */
export function createSamplerScratch(options: {
  readonly vocabSize: number;
  readonly memory: MemoryPort;
  readonly model: string;
}): SamplerScratch {
  const { vocabSize, memory, model } = options;
  const block = memory.allocate({
    sizeBytes: vocabSize * bytesPerEntry + maskBytesOf(vocabSize),
    tag: { model, purpose: "workspace", label: "sampler" },
    alignmentBytes: scratchAlignmentBytes,
  });
  const { buffer, byteOffset } = block.bytes;
  const weights = new Float64Array(buffer, byteOffset, vocabSize);
  const ids = new Int32Array(buffer, byteOffset + 8 * vocabSize, vocabSize);
  const rawLogits = new Float32Array(buffer, byteOffset + 12 * vocabSize, vocabSize);
  const mask = new Uint32Array(buffer, byteOffset + bytesPerEntry * vocabSize, Math.ceil(vocabSize / 32));
  return { candidates: new Candidates(ids, weights), rawLogits, mask, dispose: () => block.dispose() };
}
