import { architectureFor, collectWeightRefs, parseModelConfig } from "../../src/index.ts";
import { createMemoryFiles } from "./memory-files.ts";
import type { MemoryFiles } from "./memory-files.ts";
import { writeSafetensors, zeros } from "./safetensors.ts";
import type { TestTensor } from "./safetensors.ts";
import { byteLevelJson } from "./tokenizer-json.ts";

export const modelDirectory = "/models/tiny-llama";

export const rawConfig = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 280,
  hidden_size: 8,
  intermediate_size: 6,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 64,
  eos_token_id: 2,
  torch_dtype: "float32",
};

/** A whole model in memory; `changes` replaces files by name, `undefined` removes one. */
export function createModelFiles(
  changes: Readonly<Record<string, Uint8Array | string | undefined>> = {},
): MemoryFiles {
  const config = parseModelConfig({ config: rawConfig });
  const tensors: Record<string, TestTensor> = {};
  for (const { name, shape } of collectWeightRefs(architectureFor(config), config).values()) {
    tensors[name] = zeros("F32", shape);
  }
  const files: Record<string, Uint8Array | string> = {
    "config.json": JSON.stringify(rawConfig),
    "generation_config.json": JSON.stringify({ eos_token_id: 2, temperature: 0.6 }),
    "model.safetensors": writeSafetensors(tensors),
    "tokenizer.json": JSON.stringify(byteLevelJson()),
    "tokenizer_config.json": JSON.stringify({
      bos_token: "<|begin|>",
      eos_token: "<|end|>",
      chat_template: "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}",
    }),
  };
  const contents: Record<string, Uint8Array | string> = {};
  for (const [name, content] of Object.entries({ ...files, ...changes })) {
    if (content !== undefined) {
      contents[`${modelDirectory}/${name}`] = content;
    }
  }
  return createMemoryFiles(contents);
}
