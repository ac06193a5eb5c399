import type { ConfigFields } from "../config/config-fields.ts";
import { configLimits } from "../config/config-limits.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { type LayerRotaries, sharedRotary, type RotaryShape } from "../config/read-rotary.ts";
import { readLayerTypes } from "../config/read-sliding-windows.ts";
import { buildPreNormDecoder } from "../network/decoders/pre-norm-decoder.ts";
import type { Family } from "./family.ts";
import { commonRules } from "./family-rules.ts";

const defaultTheta = 2e6;
const defaultInterval = 4;
const readRotary = sharedRotary({ theta: defaultTheta });

/** SmolLM3: Llama's network, and each fourth layer does not rotate. @see transformers, `modeling_smollm3.py` */
export const smollm3: Family = {
  name: "smollm3",
  architecture: "SmolLM3ForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 4, headDim: undefined },
    contextTokens: 32_768,
    bosTokenId: 128_000,
    eosTokenId: 128_001,
    hasTiedEmbeddings: true,
    attentionBias: "by-config",
    mlpBias: "by-config",
    rotary: readRotaries,
  },
  resolve: readWindows,
  build: buildPreNormDecoder,
  gguf: {
    // A file does not say which layers rotate: as with this reader, all but each fourth.
    architecture: "smollm3",
    // The converter reorders queries and keys as those of Llama.
    resolve: () => ({ hasInterleavedRope: true }),
  },
};

function readRotaries(config: ConfigFields, shape: RotaryShape): LayerRotaries {
  const { rotaries } = readRotary(config, shape);
  const layerRotary = rotatingLayers(config, shape.layerCount).map((rotates) => (rotates ? 0 : undefined));
  return { rotaries: layerRotary.includes(0) ? rotaries : [], layerRotary };
}

/** Whether each layer rotates. @throws ModelError `INVALID_CONFIG` */
function rotatingLayers(config: ConfigFields, layerCount: number): readonly boolean[] {
  if (config.has("no_rope_layers")) {
    const listed = config.raw("no_rope_layers");
    // 1 for a layer that rotates, whatever the field's name says.
    const isFlag = (each: unknown): boolean => each === 0 || each === 1;
    if (!Array.isArray(listed) || listed.length < layerCount || !listed.every(isFlag)) {
      throw config.invalid("no_rope_layers", `at least ${layerCount} values of 0 or 1`);
    }
    return listed.slice(0, layerCount).map((each) => each === 1);
  }
  const interval = config.has("no_rope_layer_interval")
    ? config.integer("no_rope_layer_interval", { max: configLimits.layers })
    : defaultInterval;
  return Array.from({ length: layerCount }, (_, layer) => (layer + 1) % interval !== 0);
}

/** Where windows are used, layers that do not rotate have them, unless `layer_types` says otherwise. */
function readWindows(
  config: ConfigFields,
  { layerRotary }: ModelConfig,
): Pick<ModelConfig, "slidingWindowTokens"> {
  const hasWindows = config.boolean("use_sliding_window", false) && config.has("sliding_window");
  const isSliding = config.has("layer_types")
    ? readLayerTypes(config, "none", layerRotary.length).map((type) => type === "sliding_attention")
    : layerRotary.map((rotary) => hasWindows && rotary === undefined);
  if (!isSliding.includes(true)) return { slidingWindowTokens: isSliding.map(() => undefined) };
  const window = config.integer("sliding_window", { max: configLimits.context });
  return { slidingWindowTokens: isSliding.map((slides) => (slides ? window : undefined)) };
}
