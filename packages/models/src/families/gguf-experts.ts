import { configLimits } from "../config/config-limits.ts";
import type { GgufFamily } from "./family.ts";

/** How llama.cpp stores experts whose tensors have the common names. */
export const ggufExperts: Pick<GgufFamily, "hasExperts" | "layerTensors" | "fieldKeys"> = {
  hasExperts: true,
  layerTensors: {
    ffn_gate_inp: "mlp.gate",
    ffn_gate_exps: "mlp.experts.*.gate_proj",
    ffn_up_exps: "mlp.experts.*.up_proj",
    ffn_down_exps: "mlp.experts.*.down_proj",
    ffn_gate_inp_shexp: "mlp.shared_expert_gate",
    ffn_gate_shexp: "mlp.shared_expert.gate_proj",
    ffn_up_shexp: "mlp.shared_expert.up_proj",
    ffn_down_shexp: "mlp.shared_expert.down_proj",
  },
  fieldKeys: {
    num_experts: "expert_count",
    num_experts_per_tok: "expert_used_count",
    moe_intermediate_size: "expert_feed_forward_length",
    shared_expert_intermediate_size: "expert_shared_feed_forward_length",
  },
};

/**
 * What files do not say: whether weights are normalized, which llama.cpp knows by the architecture where the file says
 * nothing; and which layers have no experts, which is seen by their tensors.
 */
export function ggufExpertFields(areWeightsNormalized: boolean): NonNullable<GgufFamily["fields"]> {
  return (field, hasTensor) => {
    const layerCount = Math.min(Number(field("block_count") ?? 0), configLimits.layers);
    const layers = Array.from({ length: layerCount }, (_, layer) => layer);
    return {
      norm_topk_prob: field("expert_weights_norm") ?? areWeightsNormalized,
      mlp_only_layers: layers.filter((layer) => !hasTensor(`blk.${layer}.ffn_gate_inp.weight`)),
    };
  };
}
