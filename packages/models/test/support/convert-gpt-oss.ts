import type { ModelConfig, TensorDtype } from "../../src/index.ts";
import { u32, type GgufTensorData, type MetadataValue } from "./gguf-file.ts";

/** A tensor of a directory. */
interface StoredTensor {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Numbers of types in a GGUF file. */
const typeIds: Readonly<Partial<Record<TensorDtype, number>>> = { F32: 0, F16: 1, BF16: 30 };
const mxfp4 = 39;

/** What llama.cpp's converter adds for gpt-oss. */
export function gptOssMetadata({
  intermediateSize,
  slidingWindowTokens,
}: ModelConfig): Record<string, MetadataValue> {
  return {
    "gpt-oss.expert_feed_forward_length": u32(intermediateSize),
    "gpt-oss.attention.sliding_window": u32(slidingWindowTokens.find((each) => each !== undefined) ?? 0),
  };
}

/**
 * Converts the tensors of all experts of a layer, whose names have `.experts.`, as llama.cpp does: gate and up apart,
 * matrices of numbers turned, and in blocks of MXFP4 the exponent first and the numbers in other halves of bytes.
 */
export function convertExperts(tensors: ReadonlyMap<string, StoredTensor>): Record<string, GgufTensorData> {
  const converted: Record<string, GgufTensorData> = {};
  for (const [name, tensor] of tensors) {
    const [, layer, projection = "", kind = ""] =
      /^model\.layers\.(\d+)\.mlp\.experts\.(gate_up_proj|down_proj)(_bias|_blocks|_scales|)$/.exec(name) ??
      [];
    if (kind === "_scales") continue;
    const rows =
      kind === "_blocks"
        ? packRows(tensor, tensors.get(name.replace(/blocks$/, "scales")))
        : rowsOf(tensor, kind);
    const parts = projection === "down_proj" ? { ffn_down_exps: rows } : pairs(rows);
    for (const [part, { shape, type, lines }] of Object.entries(parts)) {
      const ending = kind === "_bias" ? "bias" : "weight";
      converted[`blk.${layer}.${part}.${ending}`] = { shape, type, data: Buffer.concat(lines) };
    }
  }
  return converted;
}

/** `(experts, rows, …)`, and the bytes of each row. */
interface Rows {
  readonly shape: readonly number[];
  readonly type: number;
  readonly lines: readonly Uint8Array[];
}

/** Rows take turns. */
function pairs({ shape, type, lines }: Rows): Record<string, Rows> {
  const half = shape.map((size, axis) => (axis === 1 ? size / 2 : size));
  const every = (start: number): Rows => ({
    shape: half,
    type,
    lines: lines.filter((_, row) => row % 2 === start),
  });
  return { ffn_gate_exps: every(0), ffn_up_exps: every(1) };
}

/** Biases `(experts, rows)`, or matrices `(experts, columns, rows)`. */
function rowsOf({ dtype, shape, bytes }: StoredTensor, kind: string): Rows {
  const type = typeIds[dtype] ?? Number.NaN;
  const [experts = 0, ...inner] = shape;
  const [rows = 0, columns = 1] = inner.toReversed();
  const size = bytes.length / (experts * rows * columns);
  const lines = Array.from({ length: experts * rows }, (_, line) => {
    const out = new Uint8Array(columns * size);
    const [expert, row] = [Math.floor(line / rows), line % rows];
    for (let column = 0; column < columns; column += 1) {
      const from = ((expert * columns + column) * rows + row) * size;
      out.set(bytes.subarray(from, from + size), column * size);
    }
    return out;
  });
  return { shape: kind === "_bias" ? [experts, rows] : [experts, rows, columns], type, lines };
}

/** Blocks of 32 numbers: the exponent, then 16 bytes with numbers `i` and `i + 16`, where neighbours shared one. */
function packRows(blocks: StoredTensor, scales: StoredTensor | undefined): Rows {
  const [experts = 0, rows = 0, count = 0] = blocks.shape;
  const lines = Array.from({ length: experts * rows }, (_, line) => {
    const out = new Uint8Array(count * 17);
    for (let block = 0; block < count; block += 1) {
      const index = line * count + block;
      const numberAt = (at: number): number =>
        ((blocks.bytes[index * 16 + (at >> 1)] ?? Number.NaN) >> (4 * (at & 1))) & 15;
      out[block * 17] = scales?.bytes[index] ?? Number.NaN;
      for (let at = 0; at < 16; at += 1) out[block * 17 + 1 + at] = numberAt(at) | (numberAt(at + 16) << 4);
    }
    return out;
  });
  return { shape: [experts, rows, count * 32], type: mxfp4, lines };
}
