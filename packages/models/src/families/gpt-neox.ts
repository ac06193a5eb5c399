import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { sharedRotary } from "../config/read-rotary.ts";
import type { DecoderBuilder } from "../network/decoder-builder.ts";
import {
  attend,
  embedTokens,
  endWithLogits,
  type LayerContext,
  plainMlp,
} from "../network/decoders/decoder-blocks.ts";
import { layerWeights } from "../network/decoders/decoder-weights.ts";
import type { Family } from "./family.ts";
import { commonRules } from "./family-rules.ts";

/** GPT-NeoX and Pythia: one product makes queries, keys and values; MLP beside attention. @see transformers, `modeling_gpt_neox.py` */
export const gptNeox: Family = {
  name: "gpt_neox",
  architecture: "GPTNeoXForCausalLM",
  rules: {
    ...commonRules,
    bosTokenId: 0,
    eosTokenId: 2,
    norm: { kind: "layer", hasBias: true, weightOffset: 0, epsilonField: "layer_norm_eps", epsilon: 1e-5 },
    activation: { field: "hidden_act", default: "gelu" },
    rotary: sharedRotary({
      share: { field: "rotary_pct", default: 0.25 },
      thetaField: "rotary_emb_base",
    }),
  },
  resolve: readRest,
  build: buildGptNeox,
  tensors: {
    prefix: "gpt_neox",
    layers: "layers",
    globalNames: { embed_in: "embed_tokens", final_layer_norm: "norm" },
    head: "embed_out",
    layerNames: {
      "attention.query_key_value": "self_attn.qkv_proj",
      "attention.dense": "self_attn.o_proj",
      "mlp.dense_h_to_4h": "mlp.up_proj",
      "mlp.dense_4h_to_h": "mlp.down_proj",
    },
  },
  gguf: {
    architecture: "gptneox",
    layerTensors: { attn_qkv: "self_attn.qkv_proj" },
    fieldKeys: {
      layer_norm_eps: "attention.layer_norm_epsilon",
      rotary_emb_base: "rope.freq_base",
      use_parallel_residual: "use_parallel_residual",
    },
    fields: (field, hasTensor) => ({
      attention_bias: hasTensor("blk.0.attn_qkv.bias"),
      rotary_pct:
        (Number(field("rope.dimension_count")) * Number(field("attention.head_count"))) /
        Number(field("embedding_length")),
    }),
    // All queries, then all keys, then all values.
    resolve: () => ({ fusedQkvGroupCount: 1 }),
  },
};

/** MLPs have biases in any case; as many heads of keys as of queries. */
function readRest(fields: ConfigFields, { hiddenSize, headCount }: ModelConfig): Partial<ModelConfig> {
  for (const [field, only] of [
    ["num_key_value_heads", headCount],
    ["head_dim", hiddenSize / headCount],
  ] as const) {
    if (fields.has(field) && fields.raw(field) !== only) throw fields.invalid(field, String(only));
  }
  const hasBias = fields.boolean("attention_bias", true);
  return {
    hasAttentionBias: { qkv: hasBias, output: hasBias },
    hasMlpBias: true,
    fusedQkvGroupCount: headCount,
    hasParallelBlocks: fields.boolean("use_parallel_residual", true),
  };
}

function buildGptNeox<T>(config: ModelConfig, builder: DecoderBuilder<T>): void {
  let hidden = embedTokens(config, builder);
  for (let layerIndex = 0; layerIndex < config.layerCount; layerIndex += 1) {
    const layer: LayerContext<T> = { builder, config, layerIndex };
    const weights = layerWeights(config, layerIndex);
    const sum = builder.add(
      hidden,
      attend(layer, builder.norm(hidden, weights.inputNorm, config.norm), weights),
    );
    const mlpInput = config.hasParallelBlocks ? hidden : sum;
    const mlp = plainMlp(layer, builder.norm(mlpInput, weights.mlpNorm, config.norm), weights);
    hidden = builder.add(sum, mlp);
  }
  endWithLogits(config, builder, hidden);
}
