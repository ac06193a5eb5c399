import { sharedRotary } from "../../config/read-rotary.ts";
import { layerTensor } from "../../network/decoders/decoder-weights.ts";
import { buildPreNormDecoder } from "../../network/decoders/pre-norm-decoder.ts";
import type { FusedWeight } from "../../network/split-fused-weights.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";

/** Names of longrope in older files. */
const longropeNames: ReadonlyMap<unknown, string> = new Map([
  ["su", "longrope"],
  ["yarn", "longrope"],
]);

/**
 * Phi-3, Phi-3.5, Phi-4 and Phi-4-mini: Llama's network, with queries, keys and values in one matrix, and gate and up in
 * another.
 *
 * @see transformers, `modeling_phi3.py`
 */
export const phi3: Family = {
  name: "phi3",
  architecture: "Phi3ForCausalLM",
  rules: {
    ...commonRules,
    contextTokens: 4096,
    eosTokenId: 32_000,
    norm: { ...commonRules.norm, epsilon: 1e-5 },
    slidingWindow: "all-layers",
    rotary: sharedRotary({
      share: { field: "partial_rotary_factor", default: 1 },
      scaling: { aliases: longropeNames, originalContextTokens: 4096 },
    }),
  },
  // Unlike in Mistral, there is no window where the config has none.
  resolve: (fields, { slidingWindowTokens }) =>
    fields.has("sliding_window") ? {} : { slidingWindowTokens: slidingWindowTokens.map(() => undefined) },
  build: buildPreNormDecoder,
  fusedWeights: ({ layerCount, headCount, kvHeadCount, headDim, intermediateSize }) =>
    Array.from({ length: layerCount }, (_, layerIndex): readonly FusedWeight[] => {
      const part = (name: string, rowCount: number): FusedWeight["parts"][number] => {
        return { name: layerTensor(layerIndex, `${name}.weight`, []).name, rowCount };
      };
      return [
        {
          name: layerTensor(layerIndex, "self_attn.qkv_proj.weight", []).name,
          parts: [
            part("self_attn.q_proj", headCount * headDim),
            part("self_attn.k_proj", kvHeadCount * headDim),
            part("self_attn.v_proj", kvHeadCount * headDim),
          ],
        },
        {
          name: layerTensor(layerIndex, "mlp.gate_up_proj.weight", []).name,
          parts: [part("mlp.gate_proj", intermediateSize), part("mlp.up_proj", intermediateSize)],
        },
      ];
    }).flat(),
  gguf: {
    architecture: "phi3",
    layerTensors: { attn_qkv: "self_attn.qkv_proj", ffn_up: "mlp.gate_up_proj" },
    fieldKeys: { original_max_position_embeddings: "rope.scaling.original_context_length" },
    fields: (field) => {
      const window = field("attention.sliding_window");
      return { sliding_window: window === 0 ? null : window };
    },
  },
};
