import { describe, expect, it } from "vitest";

import { architectureFor, openCheckpoint, parseModelConfig } from "../../../src/index.ts";
import type { ModelConfig } from "../../../src/index.ts";
import { convertToGguf } from "../../support/convert-to-gguf.ts";
import { checkpointDirectory } from "../../support/fixtures.ts";
import { encodeGguf, f32, type MetadataValue } from "../../support/gguf-file.ts";
import { createMemoryFiles } from "../../support/memory-files.ts";
import { expectModelError } from "../../support/model-error.ts";
import { createRecordingBuilder } from "../../support/recording-builder.ts";

const base = {
  architectures: ["Ministral3ForCausalLM"],
  vocab_size: 131_072,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 8,
};
const yarn = {
  type: "yarn",
  rope_theta: 1e6,
  factor: 48,
  original_max_position_embeddings: 8192,
  llama_4_scaling_beta: 0.2,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("Ministral 3", () => {
  it("has the defaults of its config class, also where fields are null", () => {
    const wanted = {
      headDim: 128,
      kvHeadCount: 8,
      contextTokens: 262_144,
      norm: { kind: "rms", epsilon: 1e-5 },
      rotaries: [
        {
          dim: 128,
          theta: 1e6,
          scaling: {
            type: "yarn",
            factor: 16,
            betaFast: 32,
            betaSlow: 1,
            originalContextTokens: 16_384,
            attentionFactor: 1,
          },
        },
      ],
      queryScaling: { beta: 0.1, originalContextTokens: 16_384 },
      slidingWindowTokens: [undefined, undefined],
      hasTiedEmbeddings: false,
    };
    expect(parse({})).toMatchObject(wanted);
    expect(parse({ rope_parameters: null, sliding_window: null })).toMatchObject(wanted);
  });

  it("reads the scaling of queries in both spellings of the rotation", () => {
    const scaling = { beta: 0.2, originalContextTokens: 8192 };
    expect(parse({ rope_parameters: yarn }).queryScaling).toEqual(scaling);
    const { rope_theta: theta, ...older } = yarn;
    const config = parse({ rope_scaling: older, rope_theta: theta });
    expect(config.queryScaling).toEqual(scaling);
    expect(config.rotaries[0]?.theta).toBe(1e6);
  });

  it("does not scale queries by a factor of 0, or without one", () => {
    expect(parse({ rope_parameters: { ...yarn, llama_4_scaling_beta: 0 } }).queryScaling).toBeUndefined();
    expect(parse({ rope_parameters: { rope_type: "default" } }).queryScaling).toBeUndefined();
  });

  it("has one window for all layers, whatever their types are", () => {
    const window = { sliding_window: 512, layer_types: ["full_attention", "sliding_attention"] };
    expect(parse(window).slidingWindowTokens).toEqual([512, 512]);
  });

  it("refuses a factor out of range, and one without an original context, by name", async () => {
    const negative = { rope_parameters: { ...yarn, llama_4_scaling_beta: -1 } };
    const error = await expectModelError("INVALID_CONFIG", () => parse(negative));
    expect(error.field).toBe("rope_parameters.llama_4_scaling_beta");
    const linear = { rope_parameters: { ...yarn, type: "linear" } };
    const other = await expectModelError("UNSUPPORTED_ROPE_SCALING", () => parse(linear));
    expect(other.field).toBe("rope_parameters.type");
  });

  it("scales the queries of each layer", () => {
    const config = parse({ head_dim: 16, rope_parameters: yarn });
    const { builder, lines } = createRecordingBuilder();
    architectureFor(config).build(config, builder);
    const attentions = lines.filter((line) => line.includes("attention "));
    expect(attentions).toHaveLength(2);
    for (const line of attentions) expect(line).toContain(" scale 0.25 queries by 0.2 from 8192 rotation 0");
  });
});

describe("a GGUF file of Ministral 3", () => {
  const path = "/models/a.gguf";
  const open = async (
    change: (metadata: Readonly<Record<string, MetadataValue>>) => Readonly<Record<string, MetadataValue>>,
  ): Promise<ModelConfig> => {
    const content = await convertToGguf(checkpointDirectory("ministral3"));
    const file = encodeGguf({ ...content, metadata: change(content.metadata) });
    const { config, weights } = await openCheckpoint(path, { files: createMemoryFiles({ [path]: file }) });
    await weights.close();
    return config;
  };

  it("has the rotation and the scaling of its keys", async () => {
    const config = await open((metadata) => metadata);
    expect(config.queryScaling).toEqual({ beta: 0.5, originalContextTokens: 16 });
    const scaling = config.rotaries[0]?.scaling;
    const wanted = (1 + 0.1 * Math.log(16)) / (1 + 0.05 * Math.log(16));
    expect(scaling?.type === "yarn" && scaling.attentionFactor).toBeCloseTo(wanted, 6);
  });

  it("may be one of Mistral Small 3, which has neither", async () => {
    const config = await open((metadata) =>
      Object.fromEntries(
        Object.entries(metadata).filter(([key]) => !/rope\.scaling|temperature_scale/.test(key)),
      ),
    );
    expect(config.queryScaling).toBeUndefined();
    expect(config.rotaries[0]).toMatchObject({ theta: 1e4, scaling: { type: "none" } });
  });

  it("is refused with a factor out of range, by its key", async () => {
    const error = await expectModelError("INVALID_CONFIG", () =>
      open((metadata) => ({ ...metadata, "mistral3.attention.temperature_scale": f32(-1) })),
    );
    expect(error.field).toBe("mistral3.attention.temperature_scale");
  });
});
