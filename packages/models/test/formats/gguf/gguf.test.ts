import { existsSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { inspectModel, openCheckpoint, parseModelConfig, type ModelConfig } from "../../../src/index.ts";
import { convertToGguf } from "../../support/convert-to-gguf.ts";
import { checkpointDirectory, checkpointNames, readJson } from "../../support/fixtures.ts";
import { createMemoryFiles } from "../../support/memory-files.ts";
import { expectModelError } from "../../support/model-error.ts";
import {
  encodeGguf,
  f32,
  i32,
  text,
  u16,
  u32,
  type GgufContent,
  type MetadataValue,
} from "../../support/gguf-file.ts";

const path = "/models/a.gguf";
const base = await convertToGguf(checkpointDirectory("llama2"));

async function open(content: GgufContent): Promise<ModelConfig> {
  const { config, weights } = await openCheckpoint(path, {
    files: createMemoryFiles({ [path]: encodeGguf(content) }),
  });
  await weights.close();
  return config;
}

const withMetadata = (more: Readonly<Record<string, MetadataValue>>): GgufContent => ({
  ...base,
  metadata: { ...base.metadata, ...more },
});
const without = (key: string): GgufContent => ({
  ...base,
  metadata: Object.fromEntries(Object.entries(base.metadata).filter(([name]) => name !== key)),
});

/** Neighbours rotate together: in the network, or since the converter reorders rows. */
const interleaved = new Set([
  "cohere",
  "cohere2",
  "granite",
  "internlm2",
  "llama",
  "minicpm",
  "ministral3",
  "mixtral",
  "smollm3",
]);

describe("has the config of the checkpoint that it was converted from", () => {
  // What GGUF does not tell: Mistral and InternLM 3 from Llama, sliding windows of theirs, factors of attention, and
  // blocks of Falcon that nobody published.
  const convertible = checkpointNames.filter(
    (name) =>
      !/window|sharded|^mistral|^ministral3-images$|^gpt-neox|sequential|^gpt2-untied|^internlm3|^gemma3(-images)?$|^starcoder2$/.test(
        name,
      ),
  );
  it.each(convertible)("%s", async (name) => {
    const directory = checkpointDirectory(name);
    const config = readJson(join(directory, "config.json"));
    const generationFile = join(directory, "generation_config.json");
    const generationConfig = existsSync(generationFile) ? readJson(generationFile) : undefined;
    const wanted = parseModelConfig({ config, generationConfig });
    const found = await open(await convertToGguf(directory));
    expect(found).toMatchObject({
      ...wanted,
      hasInterleavedRope: interleaved.has(wanted.family),
      // The converter stacks them, and orders the rows of products of all three.
      qkNorm: wanted.qkNorm === "listed" ? "stacked" : wanted.qkNorm,
      fusedQkvGroupCount: ["falcon", "gpt_neox"].includes(wanted.family)
        ? 1
        : wanted.family === "internlm2"
          ? undefined
          : wanted.fusedQkvGroupCount,
      // The converter takes gates and ups apart.
      experts: wanted.experts && { ...wanted.experts, hasInterleavedGateUp: false },
      attentionScale: expect.closeTo(wanted.attentionScale, 6),
      scales: {
        embedding: expect.closeTo(wanted.scales.embedding, 6),
        residual: expect.closeTo(wanted.scales.residual, 6),
        logits: expect.closeTo(wanted.scales.logits, 6),
      },
      norm: { ...wanted.norm, epsilon: expect.closeTo(wanted.norm.epsilon, 10), weightOffset: 0 },
      rotaries: wanted.rotaries.map(({ scaling, ...rotary }) => ({
        ...rotary,
        scaling:
          scaling.type === "llama3"
            ? { type: "by-frequency" }
            : scaling.type === "dynamic"
              ? { type: "none" }
              : {
                  ...scaling,
                  ...("attentionFactor" in scaling && {
                    attentionFactor: expect.closeTo(scaling.attentionFactor, 6),
                  }),
                },
        theta: Math.fround(rotary.theta),
      })),
      logitSoftCap: wanted.logitSoftCap,
      slidingWindowTokens: wanted.slidingWindowTokens,
      eosTokenIds: wanted.eosTokenIds.slice(0, 1),
      bosTokenId: found.bosTokenId,
      storedDtype: "GGUF",
    });
  });
});

it("recommends the sampling parameters of the file", async () => {
  const content = withMetadata({ "general.sampling.temp": f32(0.5), "general.sampling.top_k": i32(20) });
  const files = createMemoryFiles({ [path]: encodeGguf(content) });
  const { generationDefaults, weights } = await openCheckpoint(path, { files });
  await weights.close();
  expect(generationDefaults).toEqual({ temperature: 0.5, topK: 20 });
});

describe("refuses with a code, and names the key", () => {
  it.each<[string, Parameters<typeof expectModelError>[0], GgufContent, string]>([
    ["no architecture", "UNSUPPORTED_ARCHITECTURE", without("general.architecture"), "general.architecture"],
    [
      "another architecture",
      "UNSUPPORTED_ARCHITECTURE",
      withMetadata({ "general.architecture": text("mamba") }),
      "qwen2, qwen2moe",
    ],
    [
      "experts",
      "UNSUPPORTED_ARCHITECTURE",
      withMetadata({ "general.architecture": text("qwen3"), "qwen3.expert_count": u32(8) }),
      '"qwen3.expert_count": expected a network without experts, got 8 experts',
    ],
    [
      "no experts",
      "UNSUPPORTED_ARCHITECTURE",
      withMetadata({ "general.architecture": text("qwen3moe") }),
      '"qwen3moe.expert_count": expected a network with experts, got 0 experts',
    ],
    [
      "experts that are chosen by a sigmoid",
      "UNSUPPORTED_ARCHITECTURE",
      withMetadata({ "llama.expert_count": u32(8), "llama.expert_gating_func": u32(2) }),
      '"llama.expert_gating_func": expected 1, or nothing, got 2',
    ],
    ["no layers", "INVALID_CONFIG", without("llama.block_count"), '"llama.block_count": expected an integer'],
    [
      "heads that do not divide",
      "INVALID_CONFIG",
      withMetadata({ "llama.attention.head_count_kv": u32(3) }),
      '"llama.attention.head_count"',
    ],
    [
      "a partial rotation",
      "UNSUPPORTED_ROPE_SCALING",
      withMetadata({ "llama.rope.dimension_count": u32(8) }),
      '"llama.rope.dimension_count"',
    ],
    [
      "another rope scaling",
      "UNSUPPORTED_ROPE_SCALING",
      withMetadata({ "llama.rope.scaling.type": text("longer") }),
      '"llama.rope.scaling.type": expected one of default, linear, dynamic, llama3, longrope, yarn, got "longer"',
    ],
    [
      "a factor of yarn that is llama.cpp's own",
      "UNSUPPORTED_ROPE_SCALING",
      withMetadata({
        "llama.rope.scaling.type": text("yarn"),
        "llama.rope.scaling.attn_factor": f32(2),
      }),
      '"llama.rope.scaling.attn_factor": expected yarn without it, got 2',
    ],
    [
      "a temperature out of range",
      "INVALID_CONFIG",
      withMetadata({ "general.sampling.temp": f32(-1) }),
      '"general.sampling.temp"',
    ],
    [
      "no embedding",
      "INVALID_CONFIG",
      {
        ...base,
        tensors: Object.fromEntries(
          Object.entries(base.tensors).filter(([name]) => name !== "token_embd.weight"),
        ),
      },
      '"token_embd.weight"',
    ],
    [
      "divisors of another length",
      "INVALID_CONFIG",
      {
        ...base,
        tensors: { ...base.tensors, "rope_freqs.weight": { shape: [3], type: 0, data: new Uint8Array(12) } },
      },
      "rope_freqs.weight",
    ],
  ])("%s", async (...[, code, content, part]) => {
    const error = await expectModelError(code, async () => open(content));
    expect(error.message).toContain(part);
    expect(error.message).toContain(path);
  });

  it("a norm in blocks", async () => {
    const norm = { shape: [64], type: 8, data: new Uint8Array(68) };
    const tensors = { ...base.tensors, "output_norm.weight": norm };
    await expectModelError("UNSUPPORTED_DTYPE", async () => open({ ...base, tensors }));
  });
});

describe("a model in several files", () => {
  const parts = splitInTwo(base);
  const part = (number: number): string => `/models/a-0000${number}-of-00002.gguf`;
  const openParts = async (
    contents: Readonly<Record<string, GgufContent>>,
    first = part(1),
  ): Promise<number> => {
    const encoded = Object.entries(contents).map(([name, content]) => [name, encodeGguf(content)] as const);
    const files = createMemoryFiles(Object.fromEntries(encoded));
    const { weights } = await openCheckpoint(first, { files });
    const { size } = weights.tensors;
    expect(await weights.read("model.norm.weight")).toEqual(base.tensors["output_norm.weight"]?.data);
    await weights.close();
    expect(files.openCount()).toBe(0);
    return size;
  };

  it("has the tensors of all", async () => {
    const count = await openParts({ [part(1)]: parts[0], [part(2)]: parts[1] });
    expect(count).toBe(Object.keys(base.tensors).length);
  });

  it.each<[string, Parameters<typeof expectModelError>[0], Readonly<Record<string, GgufContent>>, string]>([
    ["a missing part", "SHARD_MISSING", { [part(1)]: parts[0] }, part(2)],
    [
      "the same part twice",
      "INVALID_GGUF",
      { [part(1)]: parts[0], [part(2)]: splitPart(parts[1], 0) },
      "part 1 of 2",
    ],
    [
      "a tensor in both",
      "TENSOR_DUPLICATED",
      { [part(1)]: parts[0], [part(2)]: splitPart(base, 1) },
      part(1),
    ],
    [
      "too few tensors",
      "INVALID_GGUF",
      { [part(1)]: parts[0], [part(2)]: { ...parts[1], tensors: {} } },
      "tensors in all",
    ],
  ])("%s", async (...[, code, contents, place]) => {
    const error = await expectModelError(code, async () => openParts(contents));
    expect(error.message).toContain(place);
  });

  it("says which file to name for another part, and for a file that was renamed", async () => {
    const all = { [part(1)]: parts[0], [part(2)]: parts[1], "/models/b.gguf": parts[0] };
    const second = await expectModelError("INVALID_GGUF", async () => openParts(all, part(2)));
    expect(second.message).toContain("name a-00001-of-00002.gguf");
    const renamed = await expectModelError("INVALID_GGUF", async () => openParts(all, "/models/b.gguf"));
    expect(renamed.message).toContain("model-00001-of-00002.gguf");
  });
});

function splitPart(content: GgufContent, number: number): GgufContent {
  const count = { "split.no": u16(number), "split.count": u16(2) };
  const total = { "split.tensors.count": i32(Object.keys(base.tensors).length) };
  return { ...content, metadata: { ...(number === 0 ? content.metadata : {}), ...count, ...total } };
}

function splitInTwo(content: GgufContent): readonly [GgufContent, GgufContent] {
  const tensors = Object.entries(content.tensors);
  const half = (from: number, to?: number): GgufContent => ({
    ...content,
    tensors: Object.fromEntries(tensors.slice(from, to)),
  });
  return [splitPart(half(0, 5), 0), splitPart(half(5), 1)];
}

it("is described with the types of its weights", async () => {
  const rows = Object.entries(base.tensors).map(([name, tensor]) => {
    const [count = 0, columns] = tensor.shape;
    const isMatrix = columns !== undefined && name !== "output.weight";
    const data = new Uint8Array((count * (columns ?? 1) * 18) / 32);
    return [name, isMatrix ? { shape: tensor.shape, type: 2, data } : tensor] as const;
  });
  const content = { ...base, tensors: Object.fromEntries(rows) };
  const files = createMemoryFiles({ [path]: encodeGguf(content) });
  const found = await inspectModel(path, { files });
  expect(found.textProblem).toBeUndefined();
  expect(found).toMatchObject({
    name: "a",
    tokenizerType: "BPE",
    files: ["a.gguf"],
    hasTiedEmbeddings: false,
  });
  const matrixNumbers = 320 * 64 + 2 * (4 * 64 * 64 + 3 * 64 * 64);
  expect(found.weightBytesByDtype).toEqual({
    Q4_0: (matrixNumbers * 18) / 32,
    F32: 320 * 64 * 4 + 5 * 64 * 4,
  });
  expect(found.parameterCount).toBe(matrixNumbers + 320 * 64 + 5 * 64);
});

describe("a directory", () => {
  const whole = encodeGguf(base);
  const openIn = async (names: Readonly<Record<string, Uint8Array | string>>): Promise<string[]> => {
    const contents = Object.entries(names).map(([name, bytes]) => [`/models/d/${name}`, bytes] as const);
    const files = createMemoryFiles(Object.fromEntries(contents));
    try {
      const checkpoint = await openCheckpoint("/models/d", { files });
      const paths = [...checkpoint.weights.tensors.values()].map(({ filePath }) => filePath);
      await checkpoint.weights.close();
      return [checkpoint.directory, ...new Set(paths)];
    } finally {
      expect(files.openCount()).toBe(0);
    }
  };
  const parts = (count: number): Record<string, Uint8Array> => {
    const tensors = Object.entries(base.tensors);
    const size = Math.ceil(tensors.length / count);
    const files = Array.from({ length: count }, (_, part) => {
      const metadata = {
        "split.no": u16(part),
        "split.count": u16(count),
        "split.tensors.count": i32(tensors.length),
      };
      const some = Object.fromEntries(tensors.slice(part * size, (part + 1) * size));
      const name = `m-0000${part + 1}-of-0000${count}.gguf`;
      return [name, encodeGguf({ metadata: { ...base.metadata, ...metadata }, tensors: some })] as const;
    });
    return Object.fromEntries(files);
  };

  it.each<[string, Readonly<Record<string, Uint8Array | string>>, number]>([
    ["with one file", { "m.gguf": whole, "README.md": "x" }, 1],
    ["with a config beside it", { "m.Q4_0.GGUF": whole, "config.json": "{}" }, 1],
    ["with the projector of images", { "m.gguf": whole, "mmproj-m.gguf": "GGUF" }, 1],
    ["with all parts of a model", parts(3), 3],
  ])("%s is that model", async (_title, names, fileCount) => {
    const [directory, ...paths] = await openIn(names);
    expect(directory).toBe("/models/d");
    expect(paths).toHaveLength(fileCount);
  });

  it("with several models names them", async () => {
    const names = { "a.gguf": whole, "b.gguf": whole, ...parts(2) };
    const error = await expectModelError("SEVERAL_MODELS", async () => openIn(names));
    expect(error.message).toBe(
      "/models/d: expected one model in the directory, got 3 GGUF files: a.gguf, b.gguf, m-00001-of-00002.gguf; " +
        "name one of them, such as /models/d/a.gguf",
    );
  });

  it.each(["m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"])(
    "without the part %s names it",
    async (missing) => {
      const { [missing]: _, ...rest } = parts(3);
      const error = await expectModelError("SHARD_MISSING", async () => openIn(rest));
      expect(error.message).toContain(missing);
    },
  );
});
