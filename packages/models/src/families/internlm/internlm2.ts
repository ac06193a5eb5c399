import { buildPreNormDecoder } from "../../network/decoders/pre-norm-decoder.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";

/**
 * InternLM 2 and 2.5: Llama's network, one product makes queries, keys and values.
 *
 * @see internlm/internlm2-7b, `modeling_internlm2.py`
 */
export const internlm2: Family = {
  name: "internlm2",
  architecture: "InternLM2ForCausalLM",
  rules: commonRules,
  resolve: (fields, { kvHeadCount }) => {
    const hasBias = fields.boolean("bias", true);
    return { hasAttentionBias: { qkv: hasBias, output: hasBias }, fusedQkvGroupCount: kvHeadCount };
  },
  build: buildPreNormDecoder,
  tensors: {
    prefix: "model",
    layers: "layers",
    globalNames: { tok_embeddings: "embed_tokens" },
    head: "output",
    layerNames: {
      attention_norm: "input_layernorm",
      "attention.wqkv": "self_attn.qkv_proj",
      "attention.wo": "self_attn.o_proj",
      ffn_norm: "post_attention_layernorm",
      "feed_forward.w1": "mlp.gate_proj",
      "feed_forward.w3": "mlp.up_proj",
      "feed_forward.w2": "mlp.down_proj",
    },
  },
  gguf: {
    architecture: "internlm2",
    fields: (_field, hasTensor) => ({ bias: hasTensor("blk.0.attn_q.bias") }),
    // The converter splits them, and reorders queries and keys as those of Llama.
    resolve: () => ({ fusedQkvGroupCount: undefined, hasInterleavedRope: true }),
  },
};
