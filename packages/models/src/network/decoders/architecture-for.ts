import type { Architecture } from "../decoder-builder.ts";
import type { ModelConfig, ModelFamily } from "../../config/model-config.ts";
import { llamaArchitecture } from "./llama.ts";
import { qwen2Architecture } from "./qwen2.ts";
import { qwen3Architecture } from "./qwen3.ts";

const architectures: Readonly<Record<ModelFamily, Architecture>> = {
  llama: llamaArchitecture,
  mistral: llamaArchitecture,
  qwen2: qwen2Architecture,
  qwen3: qwen3Architecture,
};

/** Finds the network that a config describes. */
export function architectureFor(config: ModelConfig): Architecture {
  return architectures[config.family];
}
