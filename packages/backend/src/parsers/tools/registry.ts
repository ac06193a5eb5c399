import { deepseek } from "./deepseek.ts";
import { gemma } from "./gemma.ts";
import { glm } from "./glm.ts";
import { granite } from "./granite.ts";
import { harmony } from "./harmony.ts";
import { hermes } from "./hermes.ts";
import { json } from "./json.ts";
import { llama3 } from "./llama3.ts";
import { mistral } from "./mistral.ts";
import { pythonic } from "./pythonic.ts";
import { qwen3Coder } from "./qwen3-coder.ts";
import type { ToolFormat } from "./tool-format.ts";

/** The formats of tool calls: a new one is a file and a line here. The first whose mark a template has is its own. */
export const toolFormats: readonly ToolFormat[] = [
  harmony,
  deepseek,
  mistral,
  gemma,
  granite,
  pythonic,
  llama3,
  qwen3Coder,
  glm,
  hermes,
  json,
];
