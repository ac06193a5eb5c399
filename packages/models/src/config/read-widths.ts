import type { ConfigFields } from "./config-fields.ts";
import { configLimits } from "./config-limits.ts";
import type { ModelConfig } from "./model-config.ts";

/** What holds where the config says nothing. */
export interface WidthDefaults {
  /** `undefined`: the number of heads. */
  readonly kvHeadCount: number | undefined;
  /** `undefined`: hidden size ÷ heads. */
  readonly headDim: number | undefined;
}

/** The widths of a network. */
export type Widths = Pick<ModelConfig, "hiddenSize" | "headCount" | "kvHeadCount" | "headDim">;

/** Reads hidden size, heads and their dimension. @throws ModelError `INVALID_CONFIG` */
export function readWidths(config: ConfigFields, defaults: WidthDefaults): Widths {
  const hiddenSize = config.integer("hidden_size", { max: configLimits.hidden });
  const headCount = config.integer("num_attention_heads", { max: configLimits.heads });
  const kvHeadCount = readKvHeadCount(config, defaults, headCount);
  let { headDim } = defaults;
  if (config.has("head_dim")) {
    headDim = config.integer("head_dim", { max: configLimits.headDim });
  } else if (headDim === undefined) {
    if (hiddenSize % headCount !== 0) {
      throw config.invalid(
        "hidden_size",
        `a multiple of num_attention_heads (${headCount}), as head_dim is absent`,
      );
    }
    headDim = hiddenSize / headCount;
  }
  return { hiddenSize, headCount, kvHeadCount, headDim };
}

function readKvHeadCount(config: ConfigFields, defaults: WidthDefaults, headCount: number): number {
  let kvHeadCount = headCount;
  if (config.has("num_key_value_heads")) {
    kvHeadCount = config.integer("num_key_value_heads", { max: configLimits.heads });
  } else if (config.raw("num_key_value_heads") === undefined) {
    kvHeadCount = defaults.kvHeadCount ?? headCount;
  }
  if (headCount % kvHeadCount !== 0) {
    throw config.invalid("num_attention_heads", `a multiple of num_key_value_heads (${kvHeadCount})`);
  }
  return kvHeadCount;
}
