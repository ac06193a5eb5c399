import type { MixtureOfExperts, ModelConfig } from "../../config/model-config.ts";
import type { DecoderBuilder, WeightRef } from "../decoder-builder.ts";
import { gatedMlp, type LayerContext, type MlpBlock, type MlpWeights } from "./decoder-blocks.ts";
import type { Projection } from "./decoder-weights.ts";
import { buildPreNormDecoder } from "./pre-norm-decoder.ts";

/** What a family calls the tensors of a layer's experts. */
export interface ExpertNames {
  /** Before all of them, such as `mlp`. */
  readonly block: string;
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/** The names in most families. */
const commonExpertNames: ExpertNames = {
  block: "mlp",
  gate: "gate_proj",
  up: "up_proj",
  down: "down_proj",
};

/**
 * Llama's network with experts in place of MLPs, in the layers where the config says so.
 *
 * @see transformers, `modeling_qwen2_moe.py`
 */
export function buildMixtureDecoder<T>(
  config: ModelConfig,
  builder: DecoderBuilder<T>,
  names: ExpertNames = commonExpertNames,
): void {
  const mlp: MlpBlock = (layer, x, weights) => {
    const { experts } = layer.config;
    return experts?.layers[layer.layerIndex] === true
      ? mixture(layer, x, { experts, names })
      : gatedMlp(layer, x, weights);
  };
  buildPreNormDecoder(config, builder, mlp);
}

/** The weighted sum of a token's experts, and of the shared one where there is one. */
function mixture<T>(
  layer: LayerContext<T>,
  x: T,
  { experts, names }: { readonly experts: MixtureOfExperts; readonly names: ExpertNames },
): T {
  const { builder, config, layerIndex } = layer;
  const { expertCount, intermediateSize, sharedIntermediateSize } = experts;
  const tensor = (name: string, ...shape: readonly number[]): WeightRef => ({
    name: `model.layers.${layerIndex}.${names.block}.${name}.weight`,
    shape,
  });
  const mlpWeights = (name: string, width: number): MlpWeights => {
    const projection = (part: string, ...shape: readonly number[]): Projection => ({
      weight: tensor(`${name}.${part}`, ...shape),
      bias: undefined,
    });
    return {
      gate: projection(names.gate, width, config.hiddenSize),
      up: projection(names.up, width, config.hiddenSize),
      down: projection(names.down, config.hiddenSize, width),
    };
  };
  const logits = builder.linear(x, tensor("gate", expertCount, config.hiddenSize));
  const routed = builder.experts(x, { ...experts, logits }, (rows, index) =>
    gatedMlp(layer, rows, mlpWeights(`experts.${index}`, intermediateSize)),
  );
  if (sharedIntermediateSize === undefined) return routed;
  const shared = gatedMlp(layer, x, mlpWeights("shared_expert", sharedIntermediateSize));
  const gate = builder.activate(
    builder.linear(x, tensor("shared_expert_gate", 1, config.hiddenSize)),
    "sigmoid",
  );
  return builder.add(routed, builder.multiply(shared, gate));
}
