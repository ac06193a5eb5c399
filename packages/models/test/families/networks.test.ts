import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { architectureFor, collectWeightRefs, openCheckpoint, parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { checkpointNames, checkpointDirectory, readJson } from "../support/fixtures.ts";
import { createRecordingBuilder } from "../support/recording-builder.ts";

const configOf = (name: string): ModelConfig =>
  parseModelConfig({ config: readJson(join(checkpointDirectory(name), "config.json")) });

function linesOf(name: string): readonly string[] {
  const config = configOf(name);
  const { builder, lines } = createRecordingBuilder();
  architectureFor(config).build(config, builder);
  return lines;
}

describe("networks", () => {
  it("defines Llama", () => {
    const lines = linesOf("llama2");
    expect(lines.slice(0, 15)).toEqual([
      "0 = embed embed_tokens",
      "1 = rms norm 0 layers.0.input_layernorm 0.00001",
      "2 = linear 1 layers.0.self_attn.q_proj",
      "3 = linear 1 layers.0.self_attn.k_proj",
      "4 = linear 1 layers.0.self_attn.v_proj",
      "5 = attention 2 3 4 layer 0 heads 4/4×16 scale 0.25 rotation 0",
      "6 = linear 5 layers.0.self_attn.o_proj",
      "7 = add 0 6",
      "8 = rms norm 7 layers.0.post_attention_layernorm 0.00001",
      "9 = linear 8 layers.0.mlp.gate_proj",
      "10 = linear 8 layers.0.mlp.up_proj",
      "11 = silu 9",
      "12 = multiply 11 10",
      "13 = linear 12 layers.0.mlp.down_proj",
      "14 = add 7 13",
    ]);
    expect(lines.slice(-2)).toEqual(["29 = rms norm 28 norm 0.00001", "30 = logits 29 lm_head"]);
  });

  it("puts biases where the config has them", () => {
    expect(
      linesOf("llama-bias").filter((line) => line.includes("layers.0") && line.includes("+")),
    ).toHaveLength(7);
    const qwen2 = linesOf("qwen2").filter((line) => line.includes("layers.1") && line.includes("+"));
    expect(qwen2.map((line) => line.split(" + ")[1])).toEqual([
      "layers.1.self_attn.q_proj.bias",
      "layers.1.self_attn.k_proj.bias",
      "layers.1.self_attn.v_proj.bias",
    ]);
  });

  it("normalizes queries and keys of Qwen3 by head, and neither values", () => {
    const lines = linesOf("qwen3");
    expect(lines.slice(2, 8)).toEqual([
      "2 = linear 1 layers.0.self_attn.q_proj",
      "3 = rms norm 2 layers.0.self_attn.q_norm 0.000001",
      "4 = linear 1 layers.0.self_attn.k_proj",
      "5 = rms norm 4 layers.0.self_attn.k_norm 0.000001",
      "6 = linear 1 layers.0.self_attn.v_proj",
      `7 = attention 3 5 6 layer 0 heads 4/2×32 scale ${32 ** -0.5} rotation 0`,
    ]);
  });

  it("defines Gemma 3: scaled embeddings, norms around 1 before and after, two rotations", () => {
    const lines = linesOf("gemma3");
    const norm = (x: number, name: string): string => `rms norm ${x} 1 + layers.0.${name} 0.000001`;
    expect(lines.slice(0, 21)).toEqual([
      "0 = embed embed_tokens",
      `1 = scale 0 ${Math.sqrt(56)}`,
      `2 = ${norm(1, "input_layernorm")}`,
      "3 = linear 2 layers.0.self_attn.q_proj",
      `4 = ${norm(3, "self_attn.q_norm")}`,
      "5 = linear 2 layers.0.self_attn.k_proj",
      `6 = ${norm(5, "self_attn.k_norm")}`,
      "7 = linear 2 layers.0.self_attn.v_proj",
      `8 = attention 4 6 7 layer 0 heads 4/2×32 scale ${24 ** -0.5} window 16 rotation 0`,
      "9 = linear 8 layers.0.self_attn.o_proj",
      `10 = ${norm(9, "post_attention_layernorm")}`,
      "11 = add 1 10",
      `12 = ${norm(11, "pre_feedforward_layernorm")}`,
      "13 = linear 12 layers.0.mlp.gate_proj",
      "14 = linear 12 layers.0.mlp.up_proj",
      "15 = gelu_tanh 13",
      "16 = multiply 15 14",
      "17 = linear 16 layers.0.mlp.down_proj",
      `18 = ${norm(17, "post_feedforward_layernorm")}`,
      "19 = add 11 18",
      "20 = rms norm 19 1 + layers.1.input_layernorm 0.000001",
    ]);
    const layers = lines
      .filter((line) => line.includes("= attention"))
      .map((line) => line.split(" scale ")[1]);
    const [sliding, full] = [`${24 ** -0.5} window 16 rotation 0`, `${24 ** -0.5} rotation 1`];
    expect(layers).toEqual([sliding, sliding, full, sliding]);
    expect(lines.at(-1)).toContain("embed_tokens");
    expect(linesOf("gemma3-v5").at(-1)).toMatch(/cap 20$/);
  });

  it("defines Gemma 2: capped attention and logits, and no norms of queries and keys", () => {
    const lines = linesOf("gemma2");
    const attentions = lines.filter((line) => line.includes("= attention"));
    const [sliding, full] = ["cap 4 window 16 rotation 0", "cap 4 rotation 0"];
    expect(attentions.map((line) => line.split(`scale ${32 ** -0.5} `)[1])).toEqual([sliding, full, sliding]);
    expect(lines.filter((line) => line.includes("post_feedforward_layernorm"))).toHaveLength(3);
    expect(lines.filter((line) => line.includes("q_norm"))).toEqual([]);
    expect(lines.at(-1)).toMatch(/embed_tokens cap 20$/);
  });

  it("defines Gemma 1: Llama's network with scaled embeddings and norms around 1", () => {
    const lines = linesOf("gemma");
    expect(lines.slice(1, 3)).toEqual([
      `1 = scale 0 ${Math.sqrt(40)}`,
      "2 = rms norm 1 1 + layers.0.input_layernorm 0.000001",
    ]);
    expect(lines.filter((line) => line.includes("gelu_tanh"))).toHaveLength(2);
    expect(lines.at(-1)).toContain("embed_tokens");
  });

  it("gives each layer its sliding window", () => {
    const windows = (name: string): readonly (string | undefined)[] =>
      linesOf(name)
        .filter((line) => line.includes("= attention"))
        .map((line) => /window (\d+)/.exec(line)?.[1]);
    expect(windows("mistral")).toEqual(["16", "16"]);
    expect(windows("qwen2-window")).toEqual([undefined, "16"]);
  });

  it("reads the output head from the embedding where they are tied", () => {
    expect(linesOf("llama-f16").at(-1)).toContain("embed_tokens");
    expect(linesOf("qwen2-untied").at(-1)).toContain("lm_head");
  });

  it.each(checkpointNames)("needs exactly the tensors that the checkpoint %s has", async (name) => {
    const config = configOf(name);
    const { weights: index } = await openCheckpoint(checkpointDirectory(name));
    const refs = collectWeightRefs(architectureFor(config), config);
    expect([...refs.keys()].toSorted()).toEqual([...index.tensors.keys()].toSorted());
    for (const ref of refs.values()) {
      expect(index.weight(ref.name)?.shape).toEqual(ref.shape);
    }
    await index.close();
  });
});
