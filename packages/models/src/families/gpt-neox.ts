import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { sharedRotary } from "../config/read-rotary.ts";
import type { DecoderBuilder, NormWeights, WeightRef } from "../network/decoder-builder.ts";
import { attentionOptions, plainMlp, project } from "../network/decoders/decoder-blocks.ts";
import type { Projection } from "../network/decoders/decoder-weights.ts";
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
    hasParallelBlocks: fields.boolean("use_parallel_residual", true),
  };
}

function buildGptNeox<T>(config: ModelConfig, builder: DecoderBuilder<T>): void {
  const { hiddenSize, vocabSize, layerCount, norm } = config;
  const embedding: WeightRef = { name: "gpt_neox.embed_in.weight", shape: [vocabSize, hiddenSize] };
  const normOf = (x: T, name: string): T => builder.norm(x, normWeights(config, `gpt_neox.${name}`), norm);
  let hidden = builder.embed(embedding);
  for (let layerIndex = 0; layerIndex < layerCount; layerIndex += 1) {
    const layer = `layers.${layerIndex}`;
    const attended = attend(builder, { config, layerIndex }, normOf(hidden, `${layer}.input_layernorm`));
    const sum = builder.add(hidden, attended);
    const mlpInput = normOf(config.hasParallelBlocks ? hidden : sum, `${layer}.post_attention_layernorm`);
    hidden = builder.add(sum, plainMlp({ builder, config }, mlpInput, mlpWeights(config, layerIndex)));
  }
  const head: WeightRef = { name: "embed_out.weight", shape: [vocabSize, hiddenSize] };
  const normed = normOf(hidden, "final_layer_norm");
  builder.logits(normed, config.hasTiedEmbeddings ? embedding : head, { softCap: config.logitSoftCap });
}

/** Each head has its query, key and value beside each other. */
function attend<T>(
  builder: DecoderBuilder<T>,
  { config, layerIndex }: { readonly config: ModelConfig; readonly layerIndex: number },
  x: T,
): T {
  const { hiddenSize, headCount, headDim, hasAttentionBias } = config;
  const name = `layers.${layerIndex}.attention`;
  const fused = projection(`${name}.query_key_value`, [3 * hiddenSize, hiddenSize], hasAttentionBias.qkv);
  const qkv = project(builder, x, fused);
  const part = (index: number): T =>
    builder.slice(qkv, { groupCount: headCount, start: index * headDim, size: headDim });
  const attended = builder.attention(
    { q: part(0), k: part(1), v: part(2) },
    attentionOptions(config, layerIndex),
  );
  return project(
    builder,
    attended,
    projection(`${name}.dense`, [hiddenSize, hiddenSize], hasAttentionBias.output),
  );
}

function mlpWeights(
  { hiddenSize, intermediateSize, hasMlpBias }: ModelConfig,
  layerIndex: number,
): { readonly up: Projection; readonly down: Projection } {
  const name = `layers.${layerIndex}.mlp`;
  return {
    up: projection(`${name}.dense_h_to_4h`, [intermediateSize, hiddenSize], hasMlpBias),
    down: projection(`${name}.dense_4h_to_h`, [hiddenSize, intermediateSize], hasMlpBias),
  };
}

function projection(name: string, shape: readonly [number, number], hasBias: boolean): Projection {
  const ref = (kind: string, of: readonly number[]): WeightRef => ({
    name: `gpt_neox.${name}.${kind}`,
    shape: of,
  });
  return { weight: ref("weight", shape), bias: hasBias ? ref("bias", [shape[0]]) : undefined };
}

function normWeights({ hiddenSize }: ModelConfig, name: string): NormWeights {
  const ref = (kind: string): WeightRef => ({ name: `${name}.${kind}`, shape: [hiddenSize] });
  return { weight: ref("weight"), bias: ref("bias") };
}
