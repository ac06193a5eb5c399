import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { DecoderBuilder } from "../network/decoder-builder.ts";
import { plainMlp } from "../network/decoders/decoder-blocks.ts";
import { buildParallelDecoder } from "../network/decoders/parallel-decoder.ts";
import { buildPreNormDecoder } from "../network/decoders/pre-norm-decoder.ts";
import type { Family } from "./family.ts";
import { commonRules } from "./family-rules.ts";

/**
 * Falcon 7B, 40B, 180B and Falcon 2: one product makes queries, keys and values, and an MLP without a gate is beside
 * attention.
 *
 * @see transformers, `modeling_falcon.py`
 */
export const falcon: Family = {
  name: "falcon",
  architecture: "FalconForCausalLM",
  rules: {
    ...commonRules,
    fieldNames: {
      hidden_size: "n_embed",
      intermediate_size: "ffn_hidden_size",
      num_key_value_heads: "num_kv_heads",
    },
    intermediateFactor: 4,
    bosTokenId: 11,
    eosTokenId: 11,
    hasTiedEmbeddings: true,
    norm: {
      kind: "layer",
      hasBias: true,
      weightOffset: 0,
      epsilonField: "layer_norm_epsilon",
      epsilon: 1e-5,
    },
    activation: { field: "activation", default: "gelu" },
  },
  resolve: readRest,
  build: buildFalcon,
  tensors: {
    prefix: "transformer",
    layers: "h",
    globalNames: { word_embeddings: "embed_tokens", ln_f: "norm" },
    layerNames: {
      ln_attn: "attention_layernorm",
      ln_mlp: "input_layernorm",
      "self_attention.query_key_value": "self_attn.qkv_proj",
      "self_attention.dense": "self_attn.o_proj",
      "mlp.dense_h_to_4h": "mlp.up_proj",
      "mlp.dense_4h_to_h": "mlp.down_proj",
    },
  },
  gguf: {
    architecture: "falcon",
    layerTensors: { attn_norm_2: "attention_layernorm", attn_qkv: "self_attn.qkv_proj" },
    fieldKeys: { layer_norm_epsilon: "attention.layer_norm_epsilon" },
    fields: (_field, hasTensor) => ({
      new_decoder_architecture: true,
      num_ln_in_parallel_attn: hasTensor("blk.0.attn_norm_2.weight") ? 2 : 1,
    }),
    // All queries, then all keys, then all values.
    resolve: () => ({ fusedQkvGroupCount: 1 }),
  },
};

/** Whether heads of keys are fewer than those of queries, and which norms there are, depends on the architecture. */
function readRest(
  fields: ConfigFields,
  { headCount, kvHeadCount: groupCount }: ModelConfig,
): Partial<ModelConfig> {
  if (fields.boolean("alibi", false)) {
    throw fields.invalid("alibi", "false", { code: "UNSUPPORTED_ARCHITECTURE" });
  }
  const isNew = fields.boolean("new_decoder_architecture", false);
  const hasOneKey = fields.boolean("multi_query", true);
  const kvHeadCount = isNew ? groupCount : hasOneKey ? 1 : headCount;
  const normField = "num_ln_in_parallel_attn";
  const normCount = fields.has(normField) ? fields.integer(normField, { max: 2 }) : 2;
  const hasBias = fields.boolean("bias", false);
  return {
    kvHeadCount,
    fusedQkvGroupCount: kvHeadCount,
    hasAttentionBias: { qkv: hasBias, output: hasBias },
    hasMlpBias: hasBias,
    hasParallelBlocks: isNew || fields.boolean("parallel_attn", true),
    hasAttentionNorm: isNew && normCount === 2,
  };
}

function buildFalcon<T>(config: ModelConfig, builder: DecoderBuilder<T>): void {
  const build = config.hasParallelBlocks ? buildParallelDecoder : buildPreNormDecoder;
  build(config, builder, plainMlp);
}
