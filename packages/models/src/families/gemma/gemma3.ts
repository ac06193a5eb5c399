import type { ConfigFields } from "../../config/config-fields.ts";
import { readScaling } from "../../config/read-rope-scaling.ts";
import {
  evenHeadDim,
  type LayerRotaries,
  readTheta,
  rotaryByType,
  type RotaryShape,
} from "../../config/read-rotary.ts";
import { readLayerTypes, type SlidingWindowRule } from "../../config/read-sliding-windows.ts";
import { buildSandwichDecoder } from "../../network/decoders/sandwich-decoder.ts";
import type { Family } from "../family.ts";
import { gemmaAttention, gemmaGguf, gemmaRules, gemmaScales, queryScalar } from "./gemma-rules.ts";

const slidingWindow: SlidingWindowRule = { allButEvery: 6, field: "sliding_window_pattern" };

/** Gemma 3, text: windows in five of six layers, which rotate by a base of their own. @see transformers, `modeling_gemma3.py` */
export const gemma3: Family = {
  name: "gemma3_text",
  architecture: "Gemma3ForCausalLM",
  // Those of models that take images leave them out.
  fieldDefaults: { vocab_size: 262_208, num_attention_heads: 8 },
  rules: {
    ...gemmaRules,
    contextTokens: 131_072,
    qkNorm: "head",
    slidingWindow,
    rotary: readRotaries,
  },
  resolve: (fields, config) => ({
    ...gemmaScales(fields, config),
    ...gemmaAttention(fields, { attentionSoftCap: undefined, logitSoftCap: undefined }),
    // The network has no such cap, whatever its config says.
    attentionSoftCap: undefined,
  }),
  build: buildSandwichDecoder,
  gguf: {
    ...gemmaGguf,
    architecture: "gemma3",
    fieldKeys: { ...gemmaGguf.fieldKeys, rope_local_base_freq: "rope.freq_base_swa" },
    fields: (field) => queryScalar(field, 62),
  },
};

/** Both spellings: by type of layer in `rope_parameters`, or `rope_theta`, `rope_scaling` and `rope_local_base_freq`. */
function readRotaries(config: ConfigFields, shape: RotaryShape): LayerRotaries {
  const byType = config.object("rope_parameters");
  const full = byType?.object("full_attention");
  const sliding = byType?.object("sliding_attention");
  const scaling = config.object("rope_scaling") ?? full;
  const theta = (rope: ConfigFields | undefined, name: string, fallback: number): number => {
    if (rope?.has("rope_theta") === true) return readTheta(rope, "rope_theta");
    return config.has(name) ? readTheta(config, name) : fallback;
  };
  const dim = evenHeadDim(shape.headDim, config);
  return rotaryByType(readLayerTypes(config, slidingWindow, shape.layerCount), {
    full_attention: {
      dim,
      theta: theta(full, "rope_theta", 1e6),
      scaling: readScaling({ rope: scaling, config }, shape),
    },
    sliding_attention: {
      dim,
      theta: theta(sliding, "rope_local_base_freq", 1e4),
      scaling: readScaling({ rope: sliding, config }, shape),
    },
  });
}
