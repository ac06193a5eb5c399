import { closeSync, openSync, writeSync } from "node:fs";
import { openCheckpoint, type TensorInfo } from "@infernode/models";
import { readBfloat16, readBfloat16Bits } from "./read-bfloat16.ts";
import { shapeContextTokens, tensorsOf, type Shape, type ShapeTensor } from "./shapes.ts";
import { spellingsOf } from "./write-random-model.ts";

const alignment = 32;
const typeIds = { F32: 0, BF16: 30 };
const valueTypes = { u32: 4, i32: 5, f32: 6, text: 8, array: 9 };

/** Writes a GGUF file of the tensors of a model: matrices in BF16 as they are, the rest as F32. */
export async function writeBfloat16Gguf(path: string, directory: string, shape: Shape): Promise<void> {
  const { weights } = await openCheckpoint(directory);
  const tensors = tensorsOf(shape);
  const infos: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of tensors) {
    infos.push(text(tensor.ggufName), u32(tensor.shape.length), ...tensor.shape.toReversed().map(u64));
    infos.push(u32(isMatrix(tensor) ? typeIds.BF16 : typeIds.F32), u64(offset));
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
  if (!isMatrix(tensor)) {
    writeSync(file, padded(new Uint8Array(readBfloat16(source).buffer)));
    return;
  }
  const values = readBfloat16Bits(source);
  const isReordered = shape.family === "llama" && (tensor.role === "query" || tensor.role === "key");
  const ordered = isReordered ? interleaveRows(values, tensor.shape, shape.headDim) : values;
  writeSync(file, padded(new Uint8Array(ordered.buffer)));
}

/** The converter of llama.cpp reorders queries and keys of Llama: rotated pairs are next to each other. */
function interleaveRows(
  values: Uint16Array,
  sizes: readonly number[],
  headDim: number,
): Uint16Array<ArrayBuffer> {
  const [rows = 0, columns = 0] = sizes;
  const ordered = new Uint16Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    const inHead = row % headDim;
    const from = row - inHead + (inHead % 2) * (headDim / 2) + Math.floor(inHead / 2);
    ordered.set(values.subarray(from * columns, (from + 1) * columns), row * columns);
  }
  return ordered;
}

function isMatrix({ shape }: ShapeTensor): boolean {
  return shape.length === 2;
}

function storedBytes(tensor: ShapeTensor): number {
  const values = tensor.shape.reduce((product, size) => product * size, 1);
  return values * (isMatrix(tensor) ? 2 : 4);
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
