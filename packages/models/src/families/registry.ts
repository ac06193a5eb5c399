import type { Family } from "./family.ts";
import { cohere } from "./cohere/cohere.ts";
import { cohere2 } from "./cohere/cohere2.ts";
import { falcon } from "./falcon.ts";
import { gemma } from "./gemma/gemma.ts";
import { gemma2 } from "./gemma/gemma2.ts";
import { gemma3 } from "./gemma/gemma3.ts";
import { gpt2 } from "./gpt2.ts";
import { gptNeox } from "./gpt-neox.ts";
import { gptOss } from "./gpt-oss.ts";
import { granite } from "./granite.ts";
import { internlm2 } from "./internlm/internlm2.ts";
import { internlm3 } from "./internlm/internlm3.ts";
import { llama } from "./llama.ts";
import { minicpm } from "./minicpm.ts";
import { ministral3 } from "./mistral/ministral3.ts";
import { mistral } from "./mistral/mistral.ts";
import { mixtral } from "./mistral/mixtral.ts";
import { olmo2 } from "./olmo/olmo2.ts";
import { olmo3 } from "./olmo/olmo3.ts";
import { olmoe } from "./olmo/olmoe.ts";
import { phi } from "./phi/phi.ts";
import { phi3 } from "./phi/phi3.ts";
import { qwen2 } from "./qwen/qwen2.ts";
import { qwen2Moe } from "./qwen/qwen2-moe.ts";
import { qwen3 } from "./qwen/qwen3.ts";
import { qwen3Moe } from "./qwen/qwen3-moe.ts";
import { smollm3 } from "./smollm3.ts";
import { stablelm } from "./stablelm.ts";
import { starcoder2 } from "./starcoder2.ts";

/** The families that are supported: a new one is a file beside this one, and a row here. */
export const families: readonly Family[] = [
  cohere,
  cohere2,
  falcon,
  gemma,
  gemma2,
  gemma3,
  gpt2,
  gptNeox,
  gptOss,
  granite,
  internlm2,
  internlm3,
  llama,
  minicpm,
  ministral3,
  mistral,
  mixtral,
  olmo2,
  olmo3,
  olmoe,
  phi,
  phi3,
  qwen2,
  qwen2Moe,
  qwen3,
  qwen3Moe,
  smollm3,
  stablelm,
  starcoder2,
];

/** Their names. */
export const supportedFamilies: readonly string[] = families.map(({ name }) => name);
