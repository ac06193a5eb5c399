import type { ConfigFields } from "../../config/config-fields.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import { sharedRotary } from "../../config/read-rotary.ts";
import { plainMlp } from "../../network/decoders/decoder-blocks.ts";
import { layerTensor } from "../../network/decoders/decoder-weights.ts";
import { buildParallelDecoder } from "../../network/decoders/parallel-decoder.ts";
import type { FusedWeight } from "../../network/split-fused-weights.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";

/**
 * Phi-1, Phi-1.5 and Phi-2: attention and an MLP without a gate take the same norm, of each head a part rotates, and all
 * projections have biases, as does the output head.
 *
 * @see transformers, `modeling_phi.py`
 */
export const phi: Family = {
  name: "phi",
  architecture: "PhiForCausalLM",
  rules: {
    ...commonRules,
    norm: { kind: "layer", hasBias: true, weightOffset: 0, epsilonField: "layer_norm_eps", epsilon: 1e-5 },
    activation: { field: "hidden_act", default: "gelu_tanh" },
    rotary: sharedRotary({ share: { field: "partial_rotary_factor", default: 0.5 } }),
  },
  resolve: resolvePhi,
  build: (config, builder) => buildParallelDecoder(config, builder, plainMlp),
  tensors: {
    prefix: "model",
    layers: "layers",
    globalNames: { embed_tokens: "embed_tokens", final_layernorm: "norm" },
    layerNames: {
      "self_attn.dense": "self_attn.o_proj",
      "mlp.fc1": "mlp.up_proj",
      "mlp.fc2": "mlp.down_proj",
    },
  },
  fusedWeights,
  gguf: {
    architecture: "phi2",
    layerTensors: { attn_qkv: "self_attn.qkv_proj" },
    fieldKeys: { layer_norm_eps: "attention.layer_norm_epsilon" },
  },
};

/** Norms of queries and keys, which no published model has, would have biases. */
function resolvePhi(fields: ConfigFields): Partial<ModelConfig> {
  if (fields.boolean("qk_layernorm", false)) {
    throw fields.invalid("qk_layernorm", "false", { code: "UNSUPPORTED_ARCHITECTURE" });
  }
  return { hasAttentionBias: { qkv: true, output: true }, hasMlpBias: true, hasHeadBias: true };
}

/** Older GGUF files have queries, keys and values in one matrix. */
function fusedWeights({ layerCount, headCount, kvHeadCount, headDim }: ModelConfig): readonly FusedWeight[] {
  return Array.from({ length: layerCount }, (_, layerIndex) =>
    ["weight", "bias"].map((kind): FusedWeight => {
      const nameOf = (part: string): string => layerTensor(layerIndex, `self_attn.${part}.${kind}`, []).name;
      return {
        name: nameOf("qkv_proj"),
        isOfGgufOnly: true,
        parts: [
          { name: nameOf("q_proj"), rowCount: headCount * headDim },
          { name: nameOf("k_proj"), rowCount: kvHeadCount * headDim },
          { name: nameOf("v_proj"), rowCount: kvHeadCount * headDim },
        ],
      };
    }),
  ).flat();
}
