import { closeSync, openSync, writeSync } from "node:fs";
import { openCheckpoint, type TensorInfo } from "@infernode/models";
import { quantizeQ40 } from "../../lib/q4-0.ts";
import { readBfloat16 } from "./read-bfloat16.ts";
import { shapeContextTokens, tensorsOf, type Shape, type ShapeTensor } from "./shapes.ts";
import { spellingsOf } from "./write-random-model.ts";

const alignment = 32;
const typeIds = { F32: 0, Q4_0: 2 };
const valueTypes = { u32: 4, i32: 5, f32: 6, text: 8, array: 9 };
const q40Block = { values: 32, bytes: 18 };

/**
 * Writes a GGUF file of the tensors of a model: matrices in Q4_0, the head and the embedding included, by the formula of
 * llama.cpp's reference; the rest as F32. (llama.cpp's own tool keeps the head in more bits, which costs it time.)
 */
export async function writeQ40Gguf(path: string, directory: string, shape: Shape): Promise<void> {
  const { weights } = await openCheckpoint(directory);
  const tensors = tensorsOf(shape);
  const infos: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of tensors) {
    infos.push(text(tensor.ggufName), u32(tensor.shape.length), ...tensor.shape.toReversed().map(u64));
    infos.push(u32(isMatrix(tensor) ? typeIds.Q4_0 : typeIds.F32), u64(offset));
    offset += align(storedBytes(tensor));
  }
  const metadata = metadataOf(shape);
  const counts = [u64(tensors.length), u64(metadata.length)];
  const header = Buffer.concat([Buffer.from("GGUF"), u32(3), ...counts, ...metadata.flat(), ...infos]);
  const file = openSync(path, "w");
  try {
    writeSync(file, padded(header));
    for (const tensor of tensors) {
      const source = weights.tensors.get(tensor.name);
      if (source === undefined) throw new Error(`${directory} has no tensor ${tensor.name}`);
      writeTensor(file, tensor, { source, shape });
    }
  } finally {
    closeSync(file);
    await weights.close();
  }
}

function metadataOf(shape: Shape): readonly (readonly Uint8Array[])[] {
  const { family, hiddenSize, headDim } = shape;
  const spellings = spellingsOf(shape);
  const string = (key: string, value: string): readonly Uint8Array[] => [
    text(key),
    u32(valueTypes.text),
    text(value),
  ];
  const count = (key: string, value: number): readonly Uint8Array[] => [
    text(key),
    u32(valueTypes.u32),
    u32(value),
  ];
  const float = (key: string, value: number): readonly Uint8Array[] => [
    text(key),
    u32(valueTypes.f32),
    f32(value),
  ];
  const list = (key: string, type: number, values: readonly Uint8Array[]): readonly Uint8Array[] => [
    text(key),
    u32(valueTypes.array),
    u32(type),
    u64(values.length),
    ...values,
  ];
  return [
    string("general.architecture", family),
    string("general.name", shape.name),
    count(`${family}.block_count`, shape.layerCount),
    count(`${family}.context_length`, shapeContextTokens),
    count(`${family}.embedding_length`, hiddenSize),
    count(`${family}.feed_forward_length`, shape.intermediateSize),
    count(`${family}.attention.head_count`, shape.headCount),
    count(`${family}.attention.head_count_kv`, shape.kvHeadCount),
    count(`${family}.attention.key_length`, headDim),
    count(`${family}.attention.value_length`, headDim),
    count(`${family}.rope.dimension_count`, headDim),
    float(`${family}.attention.layer_norm_rms_epsilon`, 1e-5),
    float(`${family}.rope.freq_base`, shape.ropeTheta),
    string("tokenizer.ggml.model", "gpt2"),
    string("tokenizer.ggml.pre", "gpt-2"),
    list("tokenizer.ggml.tokens", valueTypes.text, spellings.map(text)),
    // 1 is a normal token, 3 one that controls.
    list(
      "tokenizer.ggml.token_type",
      valueTypes.i32,
      spellings.map((_, id) => u32(id < 3 ? 3 : 1)),
    ),
    list("tokenizer.ggml.merges", valueTypes.text, []),
    count("tokenizer.ggml.bos_token_id", 1),
    count("tokenizer.ggml.eos_token_id", 2),
  ];
}

function writeTensor(
  file: number,
  tensor: ShapeTensor,
  { source, shape }: { readonly source: TensorInfo; readonly shape: Shape },
): void {
  const values = readBfloat16(source);
  if (!isMatrix(tensor)) {
    writeSync(file, padded(new Uint8Array(values.buffer)));
    return;
  }
  const isReordered = shape.family === "llama" && (tensor.role === "query" || tensor.role === "key");
  const ordered = isReordered ? interleaveRows(values, tensor.shape, shape.headDim) : values;
  writeSync(file, padded(packQ40(ordered)));
}

/** The converter of llama.cpp reorders queries and keys of Llama: rotated pairs are next to each other. */
function interleaveRows(values: Float32Array, sizes: readonly number[], headDim: number): Float32Array {
  const [rows = 0, columns = 0] = sizes;
  const ordered = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    const inHead = row % headDim;
    const from = row - inHead + (inHead % 2) * (headDim / 2) + Math.floor(inHead / 2);
    ordered.set(values.subarray(from * columns, (from + 1) * columns), row * columns);
  }
  return ordered;
}

/** A block is its scale as float16, then the 16 low nibbles with the 16 high ones. */
function packQ40(values: Float32Array): Uint8Array {
  const { data, scales } = quantizeQ40(values);
  const packed = new Uint8Array(scales.length * q40Block.bytes);
  for (let block = 0; block < scales.length; block += 1) {
    const to = block * q40Block.bytes;
    const half = float16Bits(scales[block]!);
    packed[to] = half & 255;
    packed[to + 1] = half >> 8;
    for (let at = 0; at < 16; at += 1) {
      const from = block * 16;
      const low = (data[from + (at >> 1)]! >> (4 * (at & 1))) & 15;
      const high = (data[from + 8 + (at >> 1)]! >> (4 * (at & 1))) & 15;
      packed[to + 2 + at] = low | (high << 4);
    }
  }
  return packed;
}

/** The bits of a number that a float16 holds exactly. */
function float16Bits(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === 0) return sign;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const fraction = magnitude / 2 ** (exponent - 10);
  return sign | (fraction >= 1024 ? ((exponent + 15) << 10) | (fraction - 1024) : fraction);
}

function isMatrix({ shape }: ShapeTensor): boolean {
  return shape.length === 2;
}

function storedBytes(tensor: ShapeTensor): number {
  const values = tensor.shape.reduce((product, size) => product * size, 1);
  return isMatrix(tensor) ? (values / q40Block.values) * q40Block.bytes : 4 * values;
}

function align(sizeBytes: number): number {
  return Math.ceil(sizeBytes / alignment) * alignment;
}

function padded(bytes: Uint8Array): Uint8Array {
  return align(bytes.length) === bytes.length ? bytes : Buffer.concat([bytes], align(bytes.length));
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function f32(value: number): Uint8Array {
  return new Uint8Array(Float32Array.of(value).buffer);
}

function u64(value: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}
