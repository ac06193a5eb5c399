import { join } from "node:path";

import { readChatTemplate } from "./read-chat-template.ts";
import { parseGenerationDefaults } from "../../config/parse-generation-defaults.ts";
import { familyOf, tensorNaming } from "../../families/find-family.ts";
import { parseModelConfig } from "../../families/parse-model-config.ts";
import { missingFileError } from "../../files/missing-file-error.ts";
import { readJsonFile, statFile } from "../../files/read-file.ts";
import { type ModelWarning, textOnlyWarning } from "../../network/model-warning.ts";
import { loadTokenizer } from "./load-tokenizer.ts";
import { readTokenizerSettings } from "./read-tokenizer-settings.ts";
import { openWeightIndex } from "../../weights/safetensors/open-weight-index.ts";
import { arrangeWeights } from "./arrange-weights.ts";
import { nameTensors } from "./name-tensors.ts";
import { createAssembler } from "./quantized/assemble-weights.ts";
import { readQuantization, readQuantizationFile } from "./quantized/read-quantization.ts";
import { hasGgufFiles } from "../gguf/locate-gguf.ts";
import { preparedFile } from "../prepared/prepared-file.ts";
import type { CheckpointFormat, StoredNetwork, StoredText } from "../checkpoint-format.ts";

const configFile = "config.json";
const maxConfigBytes = 4 * 2 ** 20;

/** A directory as `save_pretrained` of transformers writes it, with JSON files and safetensors. */
export const hfDirectory: CheckpointFormat = {
  name: "hf-directory",
  description: "a directory with config.json and model.safetensors",

  async detect(location): Promise<boolean> {
    const { files, path, kind } = location;
    // Some programs write a config beside GGUF files, and so does this one beside prepared weights.
    if (kind !== "directory" || (await hasGgufFiles(location))) return false;
    if ((await statFile(files, join(path, preparedFile))) !== undefined) return false;
    for (const name of [configFile, "tokenizer.json"]) {
      if ((await statFile(files, join(path, name))) !== undefined) return true;
    }
    return false;
  },

  async open({ files, path }, { signal }): Promise<StoredNetwork> {
    const readConfig = async (name: string): Promise<unknown> =>
      readJsonFile(files, join(path, name), { maxBytes: maxConfigBytes });
    const rawConfig = await readConfig(configFile);
    if (rawConfig === undefined) {
      throw await missingFileError(files, path, configFile);
    }
    const generationConfig = await readConfig("generation_config.json");
    const config = parseModelConfig({ config: rawConfig, generationConfig });
    const declared = readQuantization(rawConfig, configFile);
    const generationDefaults = parseGenerationDefaults(generationConfig);
    const assemble = createAssembler({ declared, readOther: async () => readQuantizationFile(readConfig) });
    const warnings: ModelWarning[] = [];
    const weights = await openWeightIndex(path, {
      files,
      ...(signal === undefined ? {} : { signal }),
      async assemble(stored, read) {
        const { tensors, others } = nameTensors(stored, tensorNaming(config));
        const warning = textOnlyWarning(others);
        if (warning !== undefined) warnings.push(warning);
        return assemble(tensors, read);
      },
    });
    const arranged = arrangeWeights(weights, familyOf(config).tensors);
    return { config, weights: arranged, generationDefaults, warnings };
  },

  async readText({ files, path }, options): Promise<StoredText> {
    const { now, chatTemplatePath, signal, encodes = true, hasTimeLimit = true } = options;
    const settings = await readTokenizerSettings(files, path);
    signal?.throwIfAborted();
    const tokenizer = await loadTokenizer(path, { files, settings, encodes, hasTimeLimit });
    signal?.throwIfAborted();
    const chatTemplate = await readChatTemplate(path, settings, { files, now, chatTemplatePath });
    signal?.throwIfAborted();
    return { tokenizer, chatTemplate };
  },
};
