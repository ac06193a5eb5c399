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
import { buildPostNormDecoder } from "../../network/decoders/post-norm-decoder.ts";
import type { Family } from "../family.ts";
import { olmo2 } from "./olmo2.ts";

const slidingWindow: SlidingWindowRule = { allButEvery: 4 };
const defaultTheta = 500_000;

/** OLMo 3: OLMo 2 with windows in three of four layers; only the fourth is scaled. In GGUF it is an OLMo 2. @see transformers, `modeling_olmo3.py` */
export const olmo3: Family = {
  name: "olmo3",
  architecture: "Olmo3ForCausalLM",
  rules: { ...olmo2.rules, slidingWindow, rotary: readRotaries },
  build: buildPostNormDecoder,
};

/** Both spellings: by type of layer in `rope_parameters`, or `rope_theta` and `rope_scaling`. */
function readRotaries(config: ConfigFields, shape: RotaryShape): LayerRotaries {
  const byType = config.object("rope_parameters");
  if (byType?.has("rope_type") === true || byType?.has("rope_theta") === true) {
    throw config.invalid("rope_parameters", "full_attention and sliding_attention", { got: "one for both" });
  }
  const full = byType?.object("full_attention");
  const sliding = byType?.object("sliding_attention");
  const scaling = config.object("rope_scaling") ?? full;
  const theta = (...holders: readonly (ConfigFields | undefined)[]): number => {
    const holder = holders.find((fields) => fields?.has("rope_theta"));
    return holder === undefined ? defaultTheta : readTheta(holder, "rope_theta");
  };
  const dim = evenHeadDim(shape.headDim, config);
  return rotaryByType(readLayerTypes(config, slidingWindow, shape.layerCount), {
    full_attention: {
      dim,
      theta: theta(scaling, full, config),
      scaling: readScaling({ rope: scaling, config }, { ...shape, dim }),
    },
    // As in transformers, a `rope_theta` outside of `rope_parameters` is that of full attention only.
    sliding_attention: {
      dim,
      theta: theta(sliding),
      scaling: readScaling({ rope: sliding, config }, { ...shape, dim }),
    },
  });
}
