import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { type ModelErrorCode, openCheckpoint } from "../../../src/index.ts";
import { createMemoryFiles } from "../../support/memory-files.ts";
import { expectModelError } from "../../support/model-error.ts";
import { quantizedDirectory, quantizedNames } from "../../support/quantized-checkpoint.ts";
import { type TestTensor, writeSafetensors } from "../../support/safetensors.ts";

type Json = Record<string, unknown>;
type QuantizedName = (typeof quantizedNames)[number] | "mxfp4";

/** A checkpoint whose config and tensors can be changed before it is opened. */
interface Draft {
  readonly config: Json;
  /** `quantization_config`, or the file in its place. */
  readonly settings: Json;
  readonly tensors: Record<string, TestTensor>;
}

const module = "model.layers.0.mlp.down_proj";
const root = "/m";

function readDraft(name: QuantizedName): Draft {
  const read = (file: string): Buffer => readFileSync(join(quantizedDirectory(name), file));
  const config = JSON.parse(read("config.json").toString()) as Json;
  const settings = (config["quantization_config"] ??
    JSON.parse(read("quantize_config.json").toString())) as Json;
  const file = read("model.safetensors");
  const dataStart = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, dataStart).toString()) as Json;
  const tensors: Record<string, TestTensor> = {};
  for (const [tensor, entry] of Object.entries(header)) {
    if (tensor === "__metadata__") continue;
    const {
      dtype,
      shape,
      data_offsets: [start, end],
    } = entry as {
      dtype: string;
      shape: number[];
      data_offsets: [number, number];
    };
    tensors[tensor] = {
      dtype,
      shape,
      data: Uint8Array.from(file.subarray(dataStart + start, dataStart + end)),
    };
  }
  return { config, settings, tensors };
}

async function open({ config, settings, tensors }: Draft): Promise<void> {
  const files = createMemoryFiles({
    [`${root}/config.json`]: JSON.stringify(config),
    [`${root}/model.safetensors`]: writeSafetensors(tensors),
    ...("quantization_config" in config
      ? {}
      : { [`${root}/quantize_config.json`]: JSON.stringify(settings) }),
  });
  try {
    const checkpoint = await openCheckpoint(root, { files });
    await checkpoint.weights.close();
  } finally {
    expect(files.openCount()).toBe(0);
  }
}

/** A tensor of the module. */
function part({ tensors }: Pick<Draft, "tensors">, name: string): TestTensor {
  const tensor = tensors[`${module}.${name}`];
  if (tensor === undefined) throw new Error(`expected a tensor ${name}`);
  return tensor;
}

function zerosOf(dtype: string, shape: readonly number[]): TestTensor {
  const size = new Map([
    ["U8", 1],
    ["F16", 2],
    ["I16", 2],
    ["I64", 8],
  ]).get(dtype);
  const count = shape.reduce((product, each) => product * each, size ?? 4);
  return { dtype, shape, data: new Uint8Array(count) };
}

const reshape =
  (tensor: string, shape: readonly number[]) =>
  (draft: Draft): void => {
    draft.tensors[`${module}.${tensor}`] = zerosOf(part(draft, tensor).dtype, shape);
  };
const retype =
  (tensor: string, dtype: string) =>
  (draft: Draft): void => {
    draft.tensors[`${module}.${tensor}`] = zerosOf(dtype, part(draft, tensor).shape);
  };
const remove =
  (tensor: string) =>
  ({ tensors }: Draft): void => {
    delete tensors[`${module}.${tensor}`];
  };
const set =
  (changes: Json) =>
  ({ settings }: Draft): void => {
    Object.assign(settings, changes);
  };
const setGroups =
  (edit: (groups: Int32Array) => void) =>
  (draft: Draft): void => {
    const groups = new Int32Array(part(draft, "g_idx").data.buffer as ArrayBuffer);
    edit(groups);
  };
const setWeights =
  (changes: Json) =>
  ({ settings }: Draft): void => {
    const { group_0: group } = settings["config_groups"] as { group_0: { weights: Json } };
    Object.assign(group.weights, changes);
  };

describe("a checkpoint that contradicts itself is a clear error", () => {
  it.each<[string, QuantizedName, (draft: Draft) => void, ModelErrorCode, string]>([
    ["no zero points", "gptq-act-order", remove("qzeros"), "TENSOR_MISSING", `${module}.qzeros`],
    ["no scales", "awq", remove("scales"), "TENSOR_MISSING", `${module}.scales`],
    [
      "no zero points, though not symmetric",
      "compressed-tensors",
      remove("weight_zero_point"),
      "TENSOR_MISSING",
      "weight_zero_point",
    ],
    ["words of another type", "awq", retype("qweight", "F32"), "UNSUPPORTED_DTYPE", "I32, got F32"],
    [
      "scales of another type",
      "gptq-act-order",
      retype("scales", "I16"),
      "UNSUPPORTED_DTYPE",
      "F16 or BF16 or F32, got I16",
    ],
    ["zero points of another type", "awq", retype("qzeros", "I64"), "UNSUPPORTED_DTYPE", "I32, got I64"],
    ["groups of another type", "gptq-act-order", retype("g_idx", "I64"), "UNSUPPORTED_DTYPE", "I32, got I64"],
    ["too few words", "gptq-act-order", reshape("qweight", [7, 64]), "INVALID_QUANTIZATION", "got 56"],
    [
      "rows of words without scales",
      "gptq-act-order",
      reshape("qweight", [8, 72]),
      "TENSOR_SHAPE_MISMATCH",
      "(8, 64)",
    ],
    ["words of no dimension", "awq", reshape("qweight", []), "TENSOR_SHAPE_MISMATCH", "a matrix, got ()"],
    [
      "words of three dimensions",
      "awq",
      reshape("qweight", [4, 4, 128]),
      "TENSOR_SHAPE_MISMATCH",
      "a matrix, got (4, 4, 128)",
    ],
    ["no words", "awq", reshape("qweight", [0, 16]), "TENSOR_SHAPE_MISMATCH", "a matrix, got (0, 16)"],
    ["scales of other groups", "awq", reshape("scales", [2, 128]), "TENSOR_SHAPE_MISMATCH", "(1, 128)"],
    [
      "zero points of other groups",
      "gptq-act-order",
      reshape("qzeros", [1, 8]),
      "TENSOR_SHAPE_MISMATCH",
      "(2, 8)",
    ],
    ["groups of other columns", "gptq-act-order", reshape("g_idx", [32]), "TENSOR_SHAPE_MISMATCH", "(64)"],
    ["groups as a matrix", "gptq-act-order", reshape("g_idx", [8, 8]), "TENSOR_SHAPE_MISMATCH", "g_idx"],
    ["another group size", "gptq-act-order", set({ group_size: 16 }), "TENSOR_SHAPE_MISMATCH", "(4, 64)"],
    [
      "a group size that does not divide",
      "gptq-act-order",
      set({ group_size: 48 }),
      "INVALID_QUANTIZATION",
      '"group_size": expected a multiple of the group size 48',
    ],
    ["a group size beyond the columns", "awq", set({ group_size: 256 }), "INVALID_QUANTIZATION", "256"],
    ["a group size of none", "awq", set({ group_size: 0 }), "INVALID_CONFIG", "group_size"],
    ["a group size below −1", "awq", set({ group_size: -2 }), "INVALID_CONFIG", "group_size"],
    ["a group size that is a text", "awq", set({ group_size: "128" }), "INVALID_CONFIG", "group_size"],
    [
      "a group size with a fraction",
      "gptq-act-order",
      set({ group_size: 32.5 }),
      "INVALID_CONFIG",
      "group_size",
    ],
    ["other bits", "gptq-act-order", set({ bits: 8 }), "TENSOR_SHAPE_MISMATCH", "scales"],
    [
      "bits that are not supported",
      "gptq-act-order",
      set({ bits: 5 }),
      "UNSUPPORTED_QUANTIZATION",
      "2, 3, 4 or 8 bits, got 5",
    ],
    ["bits that are a text", "awq", set({ bits: "4" }), "UNSUPPORTED_QUANTIZATION", "bits"],
    [
      "a group beyond the last",
      "gptq-act-order",
      setGroups((groups) => (groups[3] = 2)),
      "INVALID_QUANTIZATION",
      "groups from 0 to 1, got 2 for column 3",
    ],
    [
      "a negative group",
      "gptq-act-order",
      setGroups((groups) => (groups[3] = -7)),
      "INVALID_QUANTIZATION",
      "-7 for column 3",
    ],
    [
      "groups of different sizes",
      "gptq-act-order",
      setGroups((groups) => (groups[groups.indexOf(0)] = 1)),
      "INVALID_QUANTIZATION",
      "32 columns in each group, got 31 in group 0",
    ],
    [
      "a stored shape of other rows",
      "compressed-tensors",
      (draft) => (part(draft, "weight_shape").data[0] = 65),
      "INVALID_QUANTIZATION",
      "a shape of 64 rows",
    ],
    [
      "a stored shape of too many columns",
      "compressed-tensors",
      (draft) => part(draft, "weight_shape").data.fill(0x7f, 8),
      "INVALID_QUANTIZATION",
      "weight_shape",
    ],
    [
      "a stored shape of other columns",
      "compressed-tensors",
      (draft) => (part(draft, "weight_shape").data[8] = 32),
      "TENSOR_SHAPE_MISMATCH",
      "weight_packed",
    ],
    [
      "the weight beside its words",
      "awq",
      ({ tensors }) => (tensors[`${module}.weight`] = tensors["model.norm.weight"]!),
      "TENSOR_DUPLICATED",
      "both",
    ],
    ["no method", "awq", set({ quant_method: undefined }), "UNSUPPORTED_QUANTIZATION", "an unknown method"],
    [
      "only an algorithm",
      "awq",
      set({ quant_method: undefined, quant_algo: "FP8" }),
      "UNSUPPORTED_QUANTIZATION",
      'quantized by "FP8"',
    ],
    ["another method", "awq", set({ quant_method: "aqlm" }), "UNSUPPORTED_QUANTIZATION", "aqlm"],
    [
      "another layout of AWQ",
      "awq",
      set({ version: "gemv" }),
      "UNSUPPORTED_QUANTIZATION",
      '"gemm", got "gemv"',
    ],
    ["AWQ without zero points", "awq", set({ zero_point: false }), "UNSUPPORTED_QUANTIZATION", "zero_point"],
    [
      "another layout of GPTQ",
      "gptq-act-order",
      set({ checkpoint_format: "marlin" }),
      "UNSUPPORTED_QUANTIZATION",
      '"gptq" or "gptq_v2", got "marlin"',
    ],
    [
      "an older mark of Marlin",
      "gptq-act-order",
      set({ is_marlin_format: true }),
      "UNSUPPORTED_QUANTIZATION",
      "is_marlin_format",
    ],
    [
      "words of 16 bits",
      "gptq-act-order",
      set({ pack_dtype: "int16" }),
      "UNSUPPORTED_QUANTIZATION",
      "pack_dtype",
    ],
    [
      "settings that are a list",
      "gptq-act-order",
      ({ config }) => (config["quantization_config"] = []),
      "INVALID_CONFIG",
      "a JSON object",
    ],
    [
      "FP8 in compressed-tensors",
      "compressed-tensors",
      set({ format: "float-quantized" }),
      "UNSUPPORTED_QUANTIZATION",
      "float-quantized",
    ],
    [
      "floats in compressed-tensors",
      "compressed-tensors",
      setWeights({ type: "float" }),
      "UNSUPPORTED_QUANTIZATION",
      '"int", got "float"',
    ],
    [
      "one scale for a tensor",
      "compressed-tensors",
      setWeights({ strategy: "tensor" }),
      "UNSUPPORTED_QUANTIZATION",
      "strategy",
    ],
    [
      "no group of settings",
      "compressed-tensors",
      set({ config_groups: {} }),
      "UNSUPPORTED_QUANTIZATION",
      "config_groups",
    ],
    [
      "quantized activations",
      "compressed-tensors",
      ({ settings }) =>
        Object.assign((settings["config_groups"] as { group_0: Json }).group_0, {
          input_activations: { num_bits: 8 },
        }),
      "UNSUPPORTED_QUANTIZATION",
      "input_activations",
    ],
    [
      "no settings in a file of its own",
      "gptq-v2-8bit",
      set({ bits: undefined }),
      "UNSUPPORTED_QUANTIZATION",
      "quantize_config.json",
    ],
    [
      "another method in a file of its own",
      "gptq-v2-8bit",
      set({ quant_method: "qqq" }),
      "UNSUPPORTED_QUANTIZATION",
      "qqq",
    ],
  ])("%s", async (...[, name, change, code, words]) => {
    const draft = readDraft(name);
    change(draft);
    const error = await expectModelError(code, async () => open(draft));
    expect(error.message).toContain(words);
  });
});

describe("what programs leave in such a checkpoint is no error", () => {
  it.each<[string, QuantizedName, (draft: Draft) => void]>([
    ["as it is", "awq", () => undefined],
    ["as it is", "gptq-act-order", () => undefined],
    ["as it is", "gptq-v2-8bit", () => undefined],
    ["as it is", "compressed-tensors", () => undefined],
    ["groups of zeros", "gptq-act-order", setGroups((groups) => groups.fill(0))],
    ["no groups", "gptq-act-order", remove("g_idx")],
    ["groups of −1", "compressed-tensors", (draft) => part(draft, "weight_g_idx").data.fill(255)],
    ["no stored shape", "compressed-tensors", remove("weight_shape")],
    [
      "older names of settings",
      "awq",
      ({ settings }) => {
        Object.assign(settings, { w_bit: 4, q_group_size: 128, version: "GEMM" });
        delete settings["bits"];
        delete settings["group_size"];
      },
    ],
    [
      "modules with settings of their own",
      "gptq-act-order",
      set({ bits: 8, group_size: 64, dynamic: { "-:.*lm_head": {}, "+:.*": { bits: 4, group_size: 32 } } }),
    ],
  ])("%s (%s)", async (_title, name, change) => {
    const draft = readDraft(name);
    change(draft);
    await expect(open(draft)).resolves.toBeUndefined();
  });
});

describe("blocks of MXFP4 that contradict themselves are a clear error", () => {
  const blocks = "model.layers.1.mlp.experts.down_proj_blocks";
  const scales = "model.layers.1.mlp.experts.down_proj_scales";

  it.each<[string, (tensors: Draft["tensors"]) => void, ModelErrorCode, string]>([
    ["no scales", (tensors) => delete tensors[scales], "TENSOR_MISSING", blocks],
    ["no blocks", (tensors) => delete tensors[blocks], "TENSOR_MISSING", "experts.0.down_proj.weight"],
    [
      "other scales",
      (tensors) => (tensors[scales] = zerosOf("U8", [4, 64, 4])),
      "TENSOR_SHAPE_MISMATCH",
      scales,
    ],
    [
      "scales of numbers",
      (tensors) => (tensors[scales] = zerosOf("F32", [4, 64, 3])),
      "UNSUPPORTED_DTYPE",
      scales,
    ],
    [
      "other blocks",
      (tensors) => (tensors[blocks] = zerosOf("U8", [4, 64, 6, 8])),
      "TENSOR_SHAPE_MISMATCH",
      blocks,
    ],
    [
      "numbers as well",
      (tensors) => (tensors[blocks.replace("_blocks", "")] = zerosOf("F32", [4, 96, 64])),
      "TENSOR_DUPLICATED",
      "experts.down_proj",
    ],
    [
      "another count of experts",
      (tensors) =>
        Object.assign(tensors, {
          [blocks]: zerosOf("U8", [3, 64, 3, 16]),
          [scales]: zerosOf("U8", [3, 64, 3]),
        }),
      "TENSOR_SHAPE_MISMATCH",
      blocks,
    ],
  ])("%s", async (...[, change, code, tensor]) => {
    const draft = readDraft("mxfp4");
    change(draft.tensors);
    const error = await expectModelError(code, () => open(draft));
    expect(error.tensor).toContain(tensor);
  });
});

describe("any change of a checkpoint ends in a model or in an error with a code", () => {
  it.each([...quantizedNames, "mxfp4"] as const)("%s", async (name) => {
    let state = 7;
    const below = (end: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * end);
    };
    const pick = <T>(list: readonly T[]): T | undefined => list[below(list.length)];
    const odd = [
      0,
      -1,
      1,
      3,
      7,
      2 ** 31,
      2 ** 53,
      1.5,
      Number.MAX_VALUE,
      "",
      "x",
      null,
      true,
      [],
      {},
      [1],
      { a: 1 },
    ];
    const codes = new Set<string>();
    for (let round = 0; round < 300; round += 1) {
      const draft = readDraft(name);
      const parts = Object.keys(draft.tensors).filter((each) => each.includes("_proj"));
      const tensor = pick(parts) ?? "";
      const { dtype, shape, data } = draft.tensors[tensor] ?? zerosOf("F32", [1]);
      const fields = Object.keys(draft.settings);
      const change: TestTensor | undefined = [
        { dtype: below(2) === 0 ? "I32" : "F32", shape: [data.length / 4], data },
        { dtype, shape: [...shape, 1], data },
        { dtype, shape: shape.toReversed(), data },
        { dtype, shape: [0, ...shape.slice(1)], data: new Uint8Array() },
      ][below(7)];
      if (change !== undefined) draft.tensors[tensor] = change;
      else if (below(3) === 0) delete draft.tensors[tensor];
      else if (below(2) === 0) draft.settings[pick(fields) ?? ""] = pick(odd);
      else data[below(data.length)] = below(256);
      try {
        await open(draft);
        codes.add("none");
      } catch (error) {
        codes.add(String((error as { code?: unknown }).code));
      }
    }
    const known = new Set([
      "none",
      "INVALID_CONFIG",
      "INVALID_QUANTIZATION",
      "TENSOR_MISSING",
      "TENSOR_SHAPE_MISMATCH",
      "UNSUPPORTED_DTYPE",
      "UNSUPPORTED_QUANTIZATION",
    ]);
    expect([...codes].filter((code) => !known.has(code))).toEqual([]);
    expect(codes.size).toBeGreaterThan(3);
  });
});
