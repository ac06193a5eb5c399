import { expect, test } from "vitest";
import { gpt2 } from "../../../src/families/gpt2.ts";
import { internlm2 } from "../../../src/families/internlm/internlm2.ts";
import { arrangeWeights } from "../../../src/formats/hf-directory/arrange-weights.ts";
import { denseWeight, type StoredWeight } from "../../../src/weights/stored-weight.ts";
import { createWeightIndex } from "../../../src/weights/weight-index.ts";
import { expectModelError } from "../../support/model-error.ts";

const weightOf = (name: string, shape: readonly number[]): readonly [string, StoredWeight] => [
  name,
  denseWeight({ name, shape, dtype: "F32", filePath: "f", startByte: 0, endByte: 4 }),
];
const arrange = (...weights: readonly (readonly [string, StoredWeight])[]) =>
  arrangeWeights(createWeightIndex(new Map(weights), new Map()), gpt2.tensors);

test.each(["", "transformer."])("finds the network's weights behind %j", (prefix) => {
  const arranged = arrange(
    weightOf(`${prefix}wte.weight`, [9, 4]),
    weightOf(`${prefix}h.11.ln_1.bias`, [4]),
    weightOf(`${prefix}h.11.attn.c_attn.weight`, [4, 12]),
    weightOf(`${prefix}h.11.attn.c_attn.bias`, [12]),
    weightOf(`${prefix}h.11.attn.bias`, [1, 1, 8, 8]),
    weightOf(`${prefix}h.11.attn.masked_bias`, []),
  );
  const layer = "model.layers.11";
  expect([...arranged.tensors.keys()]).toEqual([
    "model.embed_tokens.weight",
    `${layer}.input_layernorm.bias`,
    `${layer}.self_attn.qkv_proj.weight`,
    `${layer}.self_attn.qkv_proj.bias`,
  ]);
  expect(arranged).toMatchObject({ totalBytes: 4 * 4, parameterCount: 36 + 4 + 48 + 12 });
  // Errors name a tensor as its file does.
  expect(arranged.tensors.get("model.embed_tokens.weight")?.name).toBe(`${prefix}wte.weight`);
  expect(arranged.weight(`${layer}.self_attn.qkv_proj.weight`)).toMatchObject({
    shape: [12, 4],
    data: { shape: [4, 12] },
    isTransposed: true,
  });
  expect(arranged.weight(`${layer}.self_attn.qkv_proj.bias`)).toMatchObject({ shape: [12] });
  expect(arranged.weight(`${prefix}wte.weight`)).toBeUndefined();
});

test("finds the head under its family's name", () => {
  const stored = [weightOf("model.tok_embeddings.weight", [9, 4]), weightOf("output.weight", [9, 4])];
  const arranged = arrangeWeights(createWeightIndex(new Map(stored), new Map()), internlm2.tensors);
  expect([...arranged.tensors.keys()]).toEqual(["model.embed_tokens.weight", "lm_head.weight"]);
});

test("leaves weights of other encodings, and names that no family has, as they are", () => {
  const [name, dense] = weightOf("h.0.mlp.c_fc.weight", [16, 4]);
  const grouped = { ...dense, encoding: "grouped" } as StoredWeight;
  const arranged = arrange([name, grouped], weightOf("score.weight", [2, 4]), weightOf("h.x.weight", [2]));
  expect(arranged.weight("model.layers.0.mlp.up_proj.weight")).toBe(grouped);
  expect([...arranged.tensors.keys()].slice(1)).toEqual(["score.weight", "h.x.weight"]);
});

test("refuses a tensor with and without the prefix", async () => {
  const error = await expectModelError("TENSOR_DUPLICATED", () =>
    arrange(weightOf("wte.weight", [9, 4]), weightOf("transformer.wte.weight", [9, 4])),
  );
  expect(error.message).toContain("expected one tensor for model.embed_tokens.weight, got wte.weight, too");
});
