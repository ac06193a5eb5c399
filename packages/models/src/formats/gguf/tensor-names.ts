import type { GgufFamily } from "../../families/family.ts";

/** Tensors outside of the layers: GGUF's name to the network's. */
const globalNames: ReadonlyMap<string, string> = new Map([
  ["token_embd", "model.embed_tokens"],
  ["position_embd", "model.embed_positions"],
  ["output_norm", "model.norm"],
  ["output", "lm_head"],
]);

/** Tensors of a layer. */
const layerNames: ReadonlyMap<string, string> = new Map([
  ["attn_norm", "input_layernorm"],
  ["attn_q", "self_attn.q_proj"],
  ["attn_k", "self_attn.k_proj"],
  ["attn_v", "self_attn.v_proj"],
  ["attn_output", "self_attn.o_proj"],
  ["attn_q_norm", "self_attn.q_norm"],
  ["attn_k_norm", "self_attn.k_norm"],
  ["ffn_norm", "post_attention_layernorm"],
  ["ffn_gate", "mlp.gate_proj"],
  ["ffn_up", "mlp.up_proj"],
  ["ffn_down", "mlp.down_proj"],
]);

const layerPattern = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/;
const globalPattern = /^(\w+)\.(weight|bias)$/;

/**
 * The name of a weight in the network (`decoder-weights.ts`); the file's own where the network has none of it.
 *
 * @see https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/tensor_mapping.py
 */
export function networkNameOf(ggufName: string, { layerTensors }: GgufFamily): string {
  const [, layer, part = "", kind] = layerPattern.exec(ggufName) ?? [];
  const whole = layerTensors?.[`${part}.${kind}`];
  if (whole !== undefined) return `model.layers.${Number(layer)}.${whole}`;
  const inLayer = layerTensors?.[part] ?? layerNames.get(part);
  if (inLayer !== undefined) return `model.layers.${Number(layer)}.${inLayer}.${kind}`;
  const [, outside = "", ending] = globalPattern.exec(ggufName) ?? [];
  const name = globalNames.get(outside);
  return name === undefined ? ggufName : `${name}.${ending}`;
}
