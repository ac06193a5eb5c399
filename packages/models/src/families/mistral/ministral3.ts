import type { ConfigFields } from "../../config/config-fields.ts";
import { configLimits } from "../../config/config-limits.ts";
import type { ModelConfig, QueryScaling } from "../../config/model-config.ts";
import { type RotaryRule, sharedRotary } from "../../config/read-rotary.ts";
import { buildPreNormDecoder } from "../../network/decoders/pre-norm-decoder.ts";
import type { Family, GgufField } from "../family.ts";
import { commonRules } from "../family-rules.ts";

const maxBeta = 1e6;
const readYarn = sharedRotary();

/** The rotation where a config has none. */
const publishedRope = {
  rope_type: "yarn",
  rope_theta: 1e6,
  factor: 16,
  original_max_position_embeddings: 16_384,
  beta_fast: 32,
  beta_slow: 1,
  mscale: 1,
  mscale_all_dim: 1,
  llama_4_scaling_beta: 0.1,
};

/**
 * Ministral 3 and Devstral Small 2: Llama's network with yarn, and queries that are scaled by their position.
 *
 * @see transformers, `modeling_ministral3.py`
 */
export const ministral3: Family = {
  name: "ministral3",
  architecture: "Ministral3ForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 8, headDim: 128 },
    contextTokens: 262_144,
    norm: { ...commonRules.norm, epsilon: 1e-5 },
    rotary: readRotary,
  },
  resolve: (fields, config) => ({
    queryScaling: readQueryScaling(fields, config),
    slidingWindowTokens: readWindows(fields, config),
  }),
  build: buildPreNormDecoder,
  gguf: {
    architecture: "mistral3",
    scalingKeys: {
      mscale_all_dim: "rope.scaling.yarn_log_multiplier",
      llama_4_scaling_beta: "attention.temperature_scale",
    },
    fields: withoutDefaultRope,
    // The converter reorders queries and keys as those of Llama.
    resolve: () => ({ hasInterleavedRope: true }),
  },
};

/** The config with a rotation. */
function withRope(config: ConfigFields): ConfigFields {
  if (config.has("rope_scaling") || config.has("rope_parameters")) return config;
  return config.withFields({ rope_parameters: publishedRope });
}

function readRotary(...[config, shape]: Parameters<RotaryRule>): ReturnType<RotaryRule> {
  return readYarn(withRope(config), shape);
}

/** @throws ModelError `INVALID_CONFIG`; `UNSUPPORTED_ROPE_SCALING` where the rotation has no original context */
function readQueryScaling(fields: ConfigFields, { rotaries }: ModelConfig): QueryScaling | undefined {
  const config = withRope(fields);
  const rope = config.object("rope_scaling") ?? config.object("rope_parameters");
  const name = "llama_4_scaling_beta";
  if (rope?.has(name) !== true) return undefined;
  const beta = rope.number(name, { min: 0, max: maxBeta });
  const scaling = rotaries[0]?.scaling;
  if (scaling?.type !== "yarn") {
    const field = rope.has("rope_type") ? "rope_type" : "type";
    throw rope.invalid(field, `yarn, as there is a ${name}`, { code: "UNSUPPORTED_ROPE_SCALING" });
  }
  const { originalContextTokens } = scaling;
  return beta === 0 ? undefined : { beta, originalContextTokens };
}

/** One window of all layers, whatever `layer_types` says; none is the default. */
function readWindows(fields: ConfigFields, { layerCount }: ModelConfig): ModelConfig["slidingWindowTokens"] {
  const window = fields.has("sliding_window")
    ? fields.integer("sliding_window", { max: configLimits.context })
    : undefined;
  return Array.from({ length: layerCount }, () => window);
}

/** Files of Mistral Small 3 have this architecture too, and no scaling. */
function withoutDefaultRope(field: GgufField): Readonly<Record<string, unknown>> {
  const type = field("rope.scaling.type") ?? field("rope.scale_linear") ?? "none";
  return type === "none" ? { rope_scaling: { rope_type: "default" } } : {};
}
