import type { Family } from "./family.ts";
import { gemma3 } from "./gemma3.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";

/** The families that are supported: a new one is a file beside this one, and a row here. */
export const families: readonly Family[] = [llama, mistral, qwen2, qwen3, gemma3];

/** Their names. */
export const supportedFamilies: readonly string[] = families.map(({ name }) => name);
