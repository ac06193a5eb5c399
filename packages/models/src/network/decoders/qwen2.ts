import type { Architecture } from "../decoder-builder.ts";
import { llamaArchitecture } from "./llama.ts";

/**
 * Qwen2 and Qwen2.5: Llama's network. The biases of queries, keys and values and the windows by layer are in
 * the config.
 *
 * @see transformers, `modeling_qwen2.py`
 */
export const qwen2Architecture: Architecture = { ...llamaArchitecture, name: "qwen2" };
