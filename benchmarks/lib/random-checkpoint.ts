import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "./random.ts";

export interface CheckpointSizes {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layerCount: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly contextTokens: number;
}

/** Named sizes for the command line. */
export const checkpointSizes: Readonly<Record<string, CheckpointSizes>> = {
  "100m": {
    vocabSize: 32_000,
    hiddenSize: 768,
    intermediateSize: 2048,
    layerCount: 12,
    headCount: 12,
    kvHeadCount: 4,
    contextTokens: 2048,
  },
  // The shape of TinyLlama; 4.4 GB in F32.
  "1b": {
    vocabSize: 32_000,
    hiddenSize: 2048,
    intermediateSize: 5632,
    layerCount: 22,
    headCount: 32,
    kvHeadCount: 4,
    contextTokens: 2048,
  },
  "25m": {
    vocabSize: 16_000,
    hiddenSize: 512,
    intermediateSize: 1536,
    layerCount: 6,
    headCount: 8,
    kvHeadCount: 4,
    contextTokens: 1024,
  },
  "16m": {
    vocabSize: 8000,
    hiddenSize: 448,
    intermediateSize: 1216,
    layerCount: 5,
    headCount: 7,
    kvHeadCount: 7,
    contextTokens: 1024,
  },
  "8m": {
    vocabSize: 8000,
    hiddenSize: 320,
    intermediateSize: 896,
    layerCount: 6,
    headCount: 5,
    kvHeadCount: 5,
    contextTokens: 1024,
  },
  "6m": {
    vocabSize: 4096,
    hiddenSize: 320,
    intermediateSize: 896,
    layerCount: 4,
    headCount: 5,
    kvHeadCount: 5,
    contextTokens: 1024,
  },
  "4m": {
    vocabSize: 4096,
    hiddenSize: 256,
    intermediateSize: 704,
    layerCount: 4,
    headCount: 4,
    kvHeadCount: 2,
    contextTokens: 1024,
  },
  // The shape of the bundled model.
  "2m": {
    vocabSize: 3072,
    hiddenSize: 192,
    intermediateSize: 512,
    layerCount: 4,
    headCount: 6,
    kvHeadCount: 2,
    contextTokens: 1024,
  },
  tiny: {
    vocabSize: 256,
    hiddenSize: 64,
    intermediateSize: 128,
    layerCount: 2,
    headCount: 4,
    kvHeadCount: 2,
    contextTokens: 512,
  },
};

/** Writes a Llama directory with random F32 or BF16 weights, all different: equal ones could be stored once. */
export async function writeRandomCheckpoint(
  directory: string,
  sizes: CheckpointSizes,
  dtype: "F32" | "BF16",
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const config = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: sizes.vocabSize,
    hidden_size: sizes.hiddenSize,
    intermediate_size: sizes.intermediateSize,
    num_hidden_layers: sizes.layerCount,
    num_attention_heads: sizes.headCount,
    num_key_value_heads: sizes.kvHeadCount,
    max_position_embeddings: sizes.contextTokens,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    hidden_act: "silu",
    tie_word_embeddings: true,
    torch_dtype: dtype === "F32" ? "float32" : "bfloat16",
    bos_token_id: 1,
    eos_token_id: 2,
  };
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
  const shapes = tensorShapes(sizes);
  const width = dtype === "F32" ? 4 : 2;
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, shape] of shapes) {
    const sizeBytes = shape.reduce((product, size) => product * size, width);
    header[name] = { dtype, shape, data_offsets: [offset, offset + sizeBytes] };
    offset += sizeBytes;
  }
  const text = JSON.stringify(header);
  const headerBytes = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerBytes.length));
  const file = createWriteStream(join(directory, "model.safetensors"));
  file.write(length);
  file.write(headerBytes);
  const random = createRandom(1);
  for (const [name, shape] of shapes) {
    const count = shape.reduce((product, size) => product * size, 1);
    const spread = name.endsWith("norm.weight") ? 0 : 1.7 / Math.sqrt(shape[1] ?? 1);
    const values = new Float32Array(count);
    for (let index = 0; index < count; index += 1) {
      values[index] = spread === 0 ? 1 : (random() - 0.5) * 2 * spread;
    }
    if (!file.write(dtype === "F32" ? new Uint8Array(values.buffer) : toBfloat16(values))) {
      await new Promise<void>((resolve) => file.once("drain", () => resolve()));
    }
  }
  await new Promise<void>((resolve) => file.end(resolve));
}

function tensorShapes(sizes: CheckpointSizes): [name: string, shape: number[]][] {
  const { hiddenSize: hidden, intermediateSize: wide, vocabSize } = sizes;
  const kvWidth = (hidden / sizes.headCount) * sizes.kvHeadCount;
  const shapes: [string, number[]][] = [["model.embed_tokens.weight", [vocabSize, hidden]]];
  for (let layer = 0; layer < sizes.layerCount; layer += 1) {
    const prefix = `model.layers.${layer}`;
    shapes.push(
      [`${prefix}.input_layernorm.weight`, [hidden]],
      [`${prefix}.self_attn.q_proj.weight`, [hidden, hidden]],
      [`${prefix}.self_attn.k_proj.weight`, [kvWidth, hidden]],
      [`${prefix}.self_attn.v_proj.weight`, [kvWidth, hidden]],
      [`${prefix}.self_attn.o_proj.weight`, [hidden, hidden]],
      [`${prefix}.post_attention_layernorm.weight`, [hidden]],
      [`${prefix}.mlp.gate_proj.weight`, [wide, hidden]],
      [`${prefix}.mlp.up_proj.weight`, [wide, hidden]],
      [`${prefix}.mlp.down_proj.weight`, [hidden, wide]],
    );
  }
  shapes.push(["model.norm.weight", [hidden]]);
  return shapes;
}

function toBfloat16(values: Float32Array): Uint8Array {
  const halves = new Uint16Array(values.buffer);
  const upper = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index += 1) upper[index] = halves[2 * index + 1] ?? 0;
  return new Uint8Array(upper.buffer);
}
