import type { ConfigFields } from "../../config/config-fields.ts";
import { type LayerRotaries, oneRotary, type RotaryShape } from "../../config/read-rotary.ts";
import { readSlidingWindows, type SlidingWindowRule } from "../../config/read-sliding-windows.ts";
import { buildParallelDecoder } from "../../network/decoders/parallel-decoder.ts";
import { cohere, cohereDetails } from "./cohere.ts";
import type { Family } from "../family.ts";
import { ggufLayerTypes } from "../gguf-layer-types.ts";

const slidingWindow: SlidingWindowRule = { allButEvery: 4, field: "sliding_window_pattern" };

/** Cohere's Command R7B and A: layers with a window rotate, the others do not. @see transformers, `modular_cohere2.py` */
export const cohere2: Family = {
  name: "cohere2",
  architecture: "Cohere2ForCausalLM",
  rules: { ...cohere.rules, slidingWindow, rotary: readRotaries },
  resolve: (fields, config) => {
    if (fields.boolean("use_qk_norm", false)) {
      throw fields.invalid("use_qk_norm", "false", { code: "UNSUPPORTED_ARCHITECTURE" });
    }
    return cohereDetails(fields, config);
  },
  build: buildParallelDecoder,
  gguf: {
    architecture: "cohere2",
    fieldKeys: {
      layer_norm_eps: "attention.layer_norm_epsilon",
      logit_scale: "logit_scale",
      sliding_window: "attention.sliding_window",
    },
    fields: (field) => ggufLayerTypes(field),
  },
};

function readRotaries(config: ConfigFields, shape: RotaryShape): LayerRotaries {
  const { rotaries } = oneRotary(config, shape);
  const windows = readSlidingWindows(config, slidingWindow, shape.layerCount);
  const layerRotary = windows.map((window) => (window === undefined ? undefined : 0));
  return { rotaries: layerRotary.includes(0) ? rotaries : [], layerRotary };
}
