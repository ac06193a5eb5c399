import { createRandom } from "../../../../benchmarks/lib/random.ts";
import type { Packing } from "../../src/index.ts";
import { encodeGguf, f32, text, u32, type GgufTensorData } from "./gguf-file.ts";

interface BlockType {
  /** The number of the type in a file. */
  readonly id: number;
  readonly elementCount: number;
  readonly sizeBytes: number;
  /** The 16-bit numbers of a block and how large they are, so that a weight is about 1 / 16. */
  readonly halves: Readonly<Record<number, number>>;
  /** The exponent at the start of a block. */
  readonly exponent?: number;
}

const blockTypes: Readonly<Record<Packing, BlockType>> = {
  Q4_0: { id: 2, elementCount: 32, sizeBytes: 18, halves: { 0: 0.015 } },
  Q4_1: { id: 3, elementCount: 32, sizeBytes: 20, halves: { 0: 0.015, 2: -0.1 } },
  Q5_0: { id: 6, elementCount: 32, sizeBytes: 22, halves: { 0: 0.008 } },
  Q5_1: { id: 7, elementCount: 32, sizeBytes: 24, halves: { 0: 0.008, 2: -0.1 } },
  Q8_0: { id: 8, elementCount: 32, sizeBytes: 34, halves: { 0: 0.001 } },
  Q2_K: { id: 10, elementCount: 256, sizeBytes: 84, halves: { 80: 0.006, 82: 0.008 } },
  Q3_K: { id: 11, elementCount: 256, sizeBytes: 110, halves: { 108: 0.002 } },
  Q4_K: { id: 12, elementCount: 256, sizeBytes: 144, halves: { 0: 0.0005, 2: 0.003 } },
  Q5_K: { id: 13, elementCount: 256, sizeBytes: 176, halves: { 0: 0.0002, 2: 0.003 } },
  Q6_K: { id: 14, elementCount: 256, sizeBytes: 210, halves: { 208: 0.00005 } },
  IQ4_NL: { id: 20, elementCount: 32, sizeBytes: 18, halves: { 0: 0.001 } },
  IQ4_XS: { id: 23, elementCount: 256, sizeBytes: 136, halves: { 0: 0.00006 } },
  MXFP4: { id: 39, elementCount: 32, sizeBytes: 17, halves: {}, exponent: 122 },
};

/** The types of a layer's matrices. */
export type LayerPackings = Readonly<Record<"q" | "k" | "v" | "output" | "gate" | "up" | "down", Packing>>;

const size = 256;
const vocabSize = 120;

/** A Llama of 256 features with random blocks, tied where there is no packing of a head. */
export function encodeRandomGguf(
  packings: {
    readonly embedding: Packing;
    readonly head?: Packing;
    readonly layers: readonly LayerPackings[];
  },
  seed: number,
): Uint8Array {
  const random = createRandom(seed);
  const matrix = (packing: Packing, rows: number): GgufTensorData => {
    const { id, elementCount, sizeBytes, halves, exponent } = blockTypes[packing];
    const data = Uint8Array.from({ length: ((rows * size) / elementCount) * sizeBytes }, () =>
      Math.floor(random() * 256),
    );
    for (let block = 0; block < data.length; block += sizeBytes) {
      if (exponent !== undefined) data[block] = exponent;
      for (const [at, largest] of Object.entries(halves)) {
        const bits = halfBits(largest * (0.5 + random() / 2));
        data[block + Number(at)] = bits & 255;
        data[block + Number(at) + 1] = bits >> 8;
      }
    }
    return { shape: [rows, size], type: id, data };
  };
  const norm = (): GgufTensorData => {
    const numbers = Float32Array.from({ length: size }, () => 0.5 + random());
    return { shape: [size], type: 0, data: new Uint8Array(numbers.buffer) };
  };
  const tensors: Record<string, GgufTensorData> = {
    "token_embd.weight": matrix(packings.embedding, vocabSize),
    "output_norm.weight": norm(),
  };
  if (packings.head !== undefined) tensors["output.weight"] = matrix(packings.head, vocabSize);
  for (const [layer, types] of packings.layers.entries()) {
    const parts = {
      attn_norm: norm(),
      attn_q: matrix(types.q, size),
      attn_k: matrix(types.k, size / 2),
      attn_v: matrix(types.v, size / 2),
      attn_output: matrix(types.output, size),
      ffn_norm: norm(),
      ffn_gate: matrix(types.gate, size),
      ffn_up: matrix(types.up, size),
      ffn_down: matrix(types.down, size),
    };
    for (const [name, tensor] of Object.entries(parts)) tensors[`blk.${layer}.${name}.weight`] = tensor;
  }
  const metadata = {
    "general.architecture": text("llama"),
    "llama.block_count": u32(packings.layers.length),
    "llama.context_length": u32(64),
    "llama.embedding_length": u32(size),
    "llama.feed_forward_length": u32(size),
    "llama.attention.head_count": u32(8),
    "llama.attention.head_count_kv": u32(4),
    "llama.attention.layer_norm_rms_epsilon": f32(1e-5),
  };
  return encodeGguf({ metadata, tensors });
}

/** The bits of a positive normal number as IEEE 754 binary16, rounded down. */
function halfBits(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  const exponent = Math.floor(Math.log2(magnitude));
  if (exponent < -14) return sign | Math.floor(magnitude * 2 ** 24);
  return sign | ((exponent + 15) << 10) | Math.floor((magnitude / 2 ** exponent - 1) * 1024);
}
