import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import {
  createLlamaLoader,
  createModelLoader,
  embeddedModelDirectory,
  loadModel,
  openCheckpoint,
} from "../src/index.ts";
import type { LanguageModel, ModelErrorCode } from "../src/index.ts";
import { checkpointNames, checkpointDirectory } from "./support/fixtures.ts";
import { expectModelError } from "./support/model-error.ts";
import { modelDirectory, rawConfig, createModelFiles } from "./support/model-files.ts";
import { writeSafetensors, zeros } from "./support/safetensors.ts";

const load = async (
  changes: Readonly<Record<string, Uint8Array | string | undefined>> = {},
): Promise<LanguageModel> => createModelLoader({ files: createModelFiles(changes) }).load(modelDirectory);

describe("createModelLoader", () => {
  it("is the same loader as createLlamaLoader creates", async () => {
    const loader = createLlamaLoader({ files: createModelFiles() });
    expect(loader.families).toEqual(createModelLoader().families);
    const model = await loader.load(modelDirectory);
    expect(model.tokenizer.encode("hello")).toEqual([263]);
    await model.dispose();
  });

  it("loads a model that holds no weights, and closes its files", async () => {
    const files = createModelFiles();
    const model = await createModelLoader({ files }).load(modelDirectory);
    expect(model).toMatchObject({
      name: "tiny-llama",
      directory: modelDirectory,
      generationDefaults: { temperature: 0.6 },
      config: { family: "llama", eosTokenIds: [2, 269] },
      architecture: { name: "llama" },
    });
    expect(model.tokenizer.encode("hello")).toEqual([263]);
    expect(model.chatTemplate?.render([{ role: "user", content: "Hi" }])).toBe("<|begin|>user: Hi\n");
    expect(await model.weights.read("model.norm.weight")).toHaveLength(32);
    expect(files.openCount()).toBe(1);
    await model.dispose();
    await model[Symbol.asyncDispose]();
    expect(files.openCount()).toBe(0);
    await expectModelError("WEIGHTS_CLOSED", async () => model.weights.read("model.norm.weight"));
  });

  it("uses the given name", async () => {
    const loader = createModelLoader({ files: createModelFiles() });
    const model = await loader.load(`${modelDirectory}/`, { name: "mine" });
    expect(model).toMatchObject({ name: "mine", directory: modelDirectory });
    expect(loader.families).toEqual(
      expect.arrayContaining(["llama", "mistral", "qwen2", "qwen3", "gemma3_text"]),
    );
  });

  it("works without a chat template and without generation defaults", async () => {
    const model = await load({ "tokenizer_config.json": undefined, "generation_config.json": undefined });
    expect(model.chatTemplate).toBeUndefined();
    expect(model.generationDefaults).toEqual({});
    expect(model.config.eosTokenIds).toEqual([2]);
  });

  it("finds the chat template in each file, chat_template.jinja first", async () => {
    const template = async (
      changes: Readonly<Record<string, string | undefined>>,
    ): Promise<string | undefined> => (await load(changes)).chatTemplate?.source;
    const named = [
      { name: "tool_use", template: "T" },
      { name: "default", template: "D" },
    ];
    expect(await template({ "tokenizer_config.json": JSON.stringify({ chat_template: named }) })).toBe("D");
    expect(await template({ "tokenizer_config.json": JSON.stringify({ chat_template: [named[0]] }) })).toBe(
      "T",
    );
    expect(await template({ "chat_template.json": '{"chat_template":"J"}' })).toBe("J");
    expect(
      await template({ "chat_template.json": '{"chat_template":"J"}', "chat_template.jinja": "F" }),
    ).toBe("F");
  });

  it("renders conversations with tools by the template for them", async () => {
    const named = [
      { name: "default", template: "plain" },
      { name: "tool_use", template: "{{ tools | length }} tools" },
      { name: "rag", template: "documents" },
    ];
    const places = [
      { "tokenizer_config.json": JSON.stringify({ chat_template: named }) },
      { "chat_template.json": JSON.stringify({ chat_template: named }) },
      {
        "chat_template.jinja": "plain",
        "additional_chat_templates/tool_use.jinja": "{{ tools | length }} tools",
      },
    ];
    const messages = [{ role: "user", content: "Hi" }];
    for (const files of places) {
      const { chatTemplate } = await load(files);
      expect(chatTemplate?.render(messages)).toBe("plain");
      expect(chatTemplate?.render(messages, { variables: { tools: null } })).toBe("plain");
      expect(chatTemplate?.render(messages, { variablesJson: '{"tools":[]}' })).toBe("0 tools");
      expect(chatTemplate?.render(messages, { variables: { tools: [{}] } })).toBe("1 tools");
    }
  });

  it("ends an answer where the template ends a message", async () => {
    const ends = async (template: string, more: object = {}): Promise<readonly number[]> => {
      const settings = JSON.stringify({ chat_template: template, ...more });
      return (await load({ "tokenizer_config.json": settings })).config.eosTokenIds;
    };
    const template = "{% for m in messages %}{{ m.content + '<|end|>' }}{% endfor %}";
    expect(await ends(template)).toEqual([2, 269]);
    expect(await ends("{{ messages[0].content }}")).toEqual([2]);
    expect(await ends("{{ messages[0].content }}<|im_end|>")).toEqual([2]);
    const added = { 272: { content: "<|return|>", special: true } };
    expect(await ends(template, { added_tokens_decoder: added })).toEqual([2]);
  });

  it("uses the given chat template in place of the checkpoint's", async () => {
    const files = createModelFiles({
      "chat_template.jinja": "{% if %}",
      "given.jinja": "{{ messages[0].content }}!",
    });
    const loader = createModelLoader({ files });
    const model = await loader.load(modelDirectory, { chatTemplatePath: `${modelDirectory}/given.jinja` });
    expect(model.chatTemplate?.render([{ role: "user", content: "Hi" }])).toBe("Hi!");
    await model.dispose();
    await expectModelError("INVALID_CHAT_TEMPLATE", async () => loader.load(modelDirectory));
    const chatTemplatePath = `${modelDirectory}/absent.jinja`;
    await expectModelError("FILE_UNREADABLE", async () => loader.load(modelDirectory, { chatTemplatePath }));
    expect(files.openCount()).toBe(0);
  });

  const damaged = (name: string, shape: readonly number[]): Uint8Array =>
    writeSafetensors({ [name]: zeros("F32", shape) });
  const refused: readonly (readonly [
    string,
    Readonly<Record<string, Uint8Array | string | undefined>>,
    ModelErrorCode,
  ])[] = [
    ["no config", { "config.json": undefined }, "FILE_MISSING"],
    ["a config that is not JSON", { "config.json": "{" }, "INVALID_JSON"],
    ["a config of another kind", { "config.json": "[]" }, "INVALID_CONFIG"],
    ["a huge config", { "config.json": " ".repeat(5 * 2 ** 20) }, "FILE_TOO_LARGE"],
    [
      "another family",
      { "config.json": JSON.stringify({ ...rawConfig, architectures: ["BertModel"] }) },
      "UNSUPPORTED_ARCHITECTURE",
    ],
    ["no weights", { "model.safetensors": undefined }, "FILE_MISSING"],
    ["pickled weights", { "model.safetensors": undefined, "pytorch_model.bin": "x" }, "UNSUPPORTED_FORMAT"],
    ["truncated weights", { "model.safetensors": "abc" }, "SAFETENSORS_TRUNCATED"],
    [
      "weights of another model",
      { "model.safetensors": damaged("model.embed_tokens.weight", [280, 8]) },
      "TENSOR_MISSING",
    ],
    [
      "a config that does not fit the weights",
      { "config.json": JSON.stringify({ ...rawConfig, vocab_size: 300 }) },
      "TENSOR_SHAPE_MISMATCH",
    ],
    ["no tokenizer", { "tokenizer.json": undefined }, "FILE_MISSING"],
    ["a tokenizer that is not JSON", { "tokenizer.json": "<html>" }, "INVALID_JSON"],
    ["settings of the wrong kind", { "tokenizer_config.json": "[]" }, "INVALID_CONFIG"],
    ["a chat template that does not parse", { "chat_template.jinja": "{% if %}" }, "INVALID_CHAT_TEMPLATE"],
    [
      "chat templates without a default",
      {
        "tokenizer_config.json": JSON.stringify({
          chat_template: [
            { name: "a", template: "" },
            { name: "b", template: "" },
          ],
        }),
      },
      "INVALID_CHAT_TEMPLATE",
    ],
    ["generation defaults out of range", { "generation_config.json": '{"top_p":7}' }, "INVALID_CONFIG"],
  ];
  it.each(refused)("refuses %s and closes every file", async (_, changes, code) => {
    const files = createModelFiles(changes);
    await expectModelError(code, async () => createModelLoader({ files }).load(modelDirectory));
    expect(files.openCount()).toBe(0);
  });

  it("refuses a tokenizer larger than the embedding", async () => {
    const config = { ...rawConfig, vocab_size: 270, tie_word_embeddings: true };
    const files = createModelFiles({ "config.json": JSON.stringify(config) });
    await expectModelError("TENSOR_SHAPE_MISMATCH", async () =>
      createModelLoader({ files }).load(modelDirectory),
    );
    const added = { 400: { content: "<far>" } };
    const error = await expectModelError("TOKENIZER_VOCAB_MISMATCH", async () =>
      load({ "tokenizer_config.json": JSON.stringify({ added_tokens_decoder: added }) }),
    );
    expect(error.message).toContain("280");
    expect(error.message).toContain('400, the id of the token "<far>"');
  });

  it("refuses unknown options", async () => {
    const error = await expectModelError("INVALID_ARGUMENT", () =>
      createModelLoader({ device: "cuda" } as object),
    );
    expect(error.message).toBe('expected options among files, formats, now, got "device"');
    const loader = createModelLoader({ files: createModelFiles() });
    await expectModelError("INVALID_ARGUMENT", async () =>
      loader.load(modelDirectory, { quantize: true } as object),
    );
  });

  it("stops with the signal's reason and closes every file", async () => {
    const files = createModelFiles();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(createModelLoader({ files }).load(modelDirectory, { signal })).rejects.toThrow("enough");
    expect(files.openCount()).toBe(0);
  });
});

describe("loadModel on a file system", () => {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "infernode-models-"));
    await writeFile(join(directory, "model.gguf"), "GGUF\u0003\u0000\u0000\u0000");
    await writeFile(join(directory, "model.safetensors"), "x");
  });
  afterAll(async () => rm(directory, { recursive: true }));

  it("names what is at a path that is not a model directory", async () => {
    await expectModelError("MODEL_NOT_FOUND", async () => loadModel(join(directory, "nothing")));
    await expectModelError("MODEL_NOT_FOUND", async () =>
      loadModel(join(directory, "model.gguf", "below-a-file")),
    );
    await expectModelError("GGUF_TRUNCATED", async () => loadModel(join(directory, "model.gguf")));
    const file = await expectModelError("NOT_A_DIRECTORY", async () =>
      loadModel(join(directory, "model.safetensors")),
    );
    expect(file.message).toContain("got a file");
    await expectModelError("UNSUPPORTED_FORMAT", async () => loadModel(directory));
    await expectModelError("INVALID_ARGUMENT", async () => loadModel(""));
  });

  const embedded = embeddedModelDirectory();
  it.skipIf(!existsSync(embedded))(
    "loads the model that comes with the package (when it was fetched)",
    async () => {
      const model = await loadModel(embedded);
      expect(model.name).toBe("infernode-stories");
      expect(model.chatTemplate?.render([{ role: "user", content: "Hi" }])).toContain("Hi");
      expect(
        model.tokenizer.decode(model.tokenizer.encode("Once upon a time", { addSpecialTokens: false })),
      ).toBe("Once upon a time");
      expect(model.config.eosTokenIds.length).toBeGreaterThan(0);
      await model.dispose();
    },
  );
});

describe("openCheckpoint", () => {
  it.each(checkpointNames)("opens the checkpoint %s and uses all of its tensors", async (name) => {
    const { config, weights, unusedTensors, architecture } = await openCheckpoint(checkpointDirectory(name));
    expect(unusedTensors).toEqual([]);
    expect(architecture.name).toBe(config.family);
    await weights.close();
  });

  it("warns that only the text of a model that takes images is served", async () => {
    const checkpoint = await openCheckpoint(checkpointDirectory("gemma3-images"));
    await checkpoint.weights.close();
    const parts = "23 tensors of multi_modal_projector, vision_tower";
    expect(checkpoint.warnings).toEqual([
      { code: "TEXT_ONLY", message: `only the text part of the model is served: ${parts} are not read` },
    ]);
    expect([...checkpoint.weights.tensors.keys()].every((name) => name.startsWith("model."))).toBe(true);
  });
});
