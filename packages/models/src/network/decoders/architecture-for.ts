import type { Architecture } from "../decoder-builder.ts";
import type { ModelConfig, ModelFamily } from "../../config/model-config.ts";
import { llamaArchitecture, qwen2Architecture, qwen3Architecture } from "./llama.ts";

/** The network of each family of `config/family-rules.ts`; a family with a network of its own is a file beside this one. */
const architectures: Readonly<Record<ModelFamily, Architecture>> = {
  llama: llamaArchitecture,
  mistral: llamaArchitecture,
  qwen2: qwen2Architecture,
  qwen3: qwen3Architecture,
};

/** Returns the network of a config's family. */
export function architectureFor(config: ModelConfig): Architecture {
  return architectures[config.family];
}
