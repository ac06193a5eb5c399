import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { noRotary } from "../config/read-rotary.ts";
import { plainMlp } from "../network/decoders/decoder-blocks.ts";
import { buildPreNormDecoder } from "../network/decoders/pre-norm-decoder.ts";
import type { Family } from "./family.ts";
import { commonRules } from "./family-rules.ts";

/**
 * GPT-2: embeddings of positions in place of a rotation, norms that subtract the mean, biases, one product for queries,
 * keys and values, and an MLP without a gate.
 *
 * @see transformers, `modeling_gpt2.py`
 */
export const gpt2: Family = {
  name: "gpt2",
  architecture: "GPT2LMHeadModel",
  rules: {
    ...commonRules,
    fieldNames: {
      hidden_size: "n_embd",
      intermediate_size: "n_inner",
      max_position_embeddings: "n_positions",
      num_attention_heads: "n_head",
      num_hidden_layers: "n_layer",
    },
    intermediateFactor: 4,
    contextTokens: 1024,
    bosTokenId: 50_256,
    eosTokenId: 50_256,
    hasTiedEmbeddings: true,
    norm: {
      kind: "layer",
      hasBias: true,
      weightOffset: 0,
      epsilonField: "layer_norm_epsilon",
      epsilon: 1e-5,
    },
    activation: { field: "activation_function", default: "gelu_tanh" },
    rotary: noRotary,
  },
  resolve: readRest,
  build: (config, builder) => buildPreNormDecoder(config, builder, plainMlp),
  tensors: {
    prefix: "transformer",
    layers: "h",
    globalNames: { wte: "embed_tokens", wpe: "embed_positions", ln_f: "norm" },
    layerNames: {
      ln_1: "input_layernorm",
      "attn.c_attn": "self_attn.qkv_proj",
      "attn.c_proj": "self_attn.o_proj",
      ln_2: "post_attention_layernorm",
      "mlp.c_fc": "mlp.up_proj",
      "mlp.c_proj": "mlp.down_proj",
    },
    // A `Conv1D` of transformers.
    transposed: new Set(["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]),
    // The mask, and what it puts in place of what is masked.
    ignored: new Set(["attn.bias", "attn.masked_bias"]),
  },
  gguf: {
    architecture: "gpt2",
    layerTensors: { attn_qkv: "self_attn.qkv_proj" },
    fieldKeys: { layer_norm_epsilon: "attention.layer_norm_epsilon" },
  },
};

/** As many heads of keys as of queries. `reorder_and_upcast_attn` is about half precision. */
function readRest(fields: ConfigFields, config: ModelConfig): Partial<ModelConfig> {
  for (const name of ["scale_attn_by_inverse_layer_idx", "add_cross_attention"]) {
    if (!fields.boolean(name, false)) continue;
    throw fields.invalid(name, "false", { code: "UNSUPPORTED_ARCHITECTURE" });
  }
  return {
    hasPositionTable: true,
    hasAttentionBias: { qkv: true, output: true },
    fusedQkvGroupCount: 1,
    hasMlpBias: true,
    attentionScale: fields.boolean("scale_attn_weights", true) ? config.attentionScale : 1,
  };
}
