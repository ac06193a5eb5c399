import { describe, expect, it } from "vitest";

import {
  checkpointFormats,
  createModelLoader,
  inspectModel,
  loadModelText,
  openCheckpoint,
} from "../../src/index.ts";
import type { CheckpointFormat, FileAccess } from "../../src/index.ts";
import { createMemoryFiles } from "../support/memory-files.ts";
import { expectModelError } from "../support/model-error.ts";
import { createModelFiles, modelDirectory, rawConfig } from "../support/model-files.ts";
import { writeSafetensors, zeros } from "../support/safetensors.ts";

const bundlePath = "/models/tiny.bundle";

/** A model in one file, which stands for the files of a directory. */
function createBundleFormat(): CheckpointFormat {
  const [directory] = checkpointFormats;
  if (directory === undefined) throw new Error("there is no format");
  return {
    name: "bundle",
    description: "a bundle",
    detect: async ({ path, kind }) => kind === "file" && path.endsWith(".bundle"),
    open: async (location, options) => directory.open({ ...location, path: modelDirectory }, options),
    readText: async (location, options) => directory.readText({ ...location, path: modelDirectory }, options),
  };
}

function createBundleFiles(): FileAccess & { openCount(): number } {
  const files = createModelFiles();
  return {
    ...files,
    stat: async (path) => (path === bundlePath ? { kind: "file", sizeBytes: 1 } : files.stat(path)),
  };
}

describe("a format that is passed in", () => {
  it("loads, inspects and reads the text of what it detects", async () => {
    const files = createBundleFiles();
    const source = { files, formats: [createBundleFormat(), ...checkpointFormats] };
    const model = await createModelLoader(source).load(bundlePath);
    expect(model).toMatchObject({
      name: "tiny.bundle",
      directory: bundlePath,
      config: { eosTokenIds: [2, 269] },
    });
    expect(model.tokenizer.encode("hello")).toEqual([263]);
    await model.dispose();
    const checkpoint = await openCheckpoint(bundlePath, source);
    expect(checkpoint.weights.weight("model.norm.weight")).toMatchObject({ encoding: "dense", shape: [8] });
    await checkpoint.weights.close();
    expect(await inspectModel(bundlePath, source)).toMatchObject({ layerCount: 2, textProblem: undefined });
    expect((await loadModelText(bundlePath, source)).chatTemplate).toBeDefined();
    expect(files.openCount()).toBe(0);
  });

  it("leaves what it does not detect to the next format", async () => {
    const source = { files: createBundleFiles(), formats: [createBundleFormat(), ...checkpointFormats] };
    const checkpoint = await openCheckpoint(modelDirectory, source);
    expect(checkpoint.directory).toBe(modelDirectory);
    await checkpoint.weights.close();
  });

  it("is not tried for a path that is not there", async () => {
    const detect = async (): Promise<boolean> => true;
    const formats = [{ ...createBundleFormat(), detect }];
    await expectModelError("MODEL_NOT_FOUND", async () =>
      openCheckpoint("/models/none", { files: createMemoryFiles({ "/models/a": "x" }), formats }),
    );
  });
});

describe("the formats of the package", () => {
  it.each([
    ["FP8", { quantization_config: { quant_method: "fp8" } }, '"quantization_config"', "fp8"],
    [
      "bitsandbytes",
      { quantization_config: { quant_method: "bitsandbytes", load_in_4bit: true } },
      '"quantization_config"',
      "bitsandbytes",
    ],
    ["another field", { compression_config: { quant_method: "sparse" } }, '"compression_config"', "sparse"],
  ])("refuse a config with %s", async (...[, fields, field, method]) => {
    const files = createModelFiles({ "config.json": JSON.stringify({ ...rawConfig, ...fields }) });
    const error = await expectModelError("UNSUPPORTED_QUANTIZATION", async () =>
      openCheckpoint(modelDirectory, { files }),
    );
    expect(error.message).toBe(
      `config.json: ${field}: expected weights in F32, F16 or BF16, or quantized by gptq, awq, compressed-tensors or mxfp4, ` +
        `got weights quantized by "${method}"; use the checkpoint that it was quantized from`,
    );
    expect(error.file).toBe("config.json");
  });

  it("refuse packed weights that the config does not mention", async () => {
    const name = "model.layers.0.self_attn.q_proj.qweight";
    const files = createModelFiles({
      "model.safetensors": writeSafetensors({ [name]: zeros("I64", [1, 8]) }),
    });
    const error = await expectModelError("UNSUPPORTED_QUANTIZATION", async () =>
      openCheckpoint(modelDirectory, { files }),
    );
    expect(error.tensor).toBe(name);
    expect(files.openCount()).toBe(0);
  });

  it("describe themselves where none detects a model", async () => {
    const files = createMemoryFiles({ "/m/notes.txt": "x" });
    const formats = [createBundleFormat(), ...checkpointFormats];
    const error = await expectModelError("FILE_MISSING", async () =>
      openCheckpoint("/m", { files, formats }),
    );
    expect(error.message).toBe(
      "/m: expected a bundle or a directory with config.json and model.safetensors or a GGUF file, got notes.txt",
    );
  });

  it("have unique names", () => {
    const names = checkpointFormats.map((format) => format.name);
    expect(names).toEqual(["hf-directory", "gguf", "prepared"]);
  });

  it("name what a directory without a config contains", async () => {
    const files = createMemoryFiles({ "/m/model.onnx": "x" });
    const error = await expectModelError("UNSUPPORTED_FORMAT", async () => openCheckpoint("/m", { files }));
    expect(error.message).toContain("an ONNX model (model.onnx); use");
  });
});
