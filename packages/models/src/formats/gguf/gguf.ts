import { basename } from "node:path";

import { ModelError } from "../../errors.ts";
import type { GgufFamily } from "../../families/family.ts";
import { openFile, readFully } from "../../files/read-file.ts";
import { decodeElements } from "../../weights/decode-elements.ts";
import { isPacking } from "../../weights/ggml/ggml-types.ts";
import { denseWeight, type StoredWeight } from "../../weights/stored-weight.ts";
import { closeFiles, createWeightIndex } from "../../weights/weight-index.ts";
import type { CheckpointFormat, StoredNetwork, StoredText } from "../checkpoint-format.ts";
import { resolveChatTemplate, selectTemplate } from "../resolve-chat-template.ts";
import { splitExperts } from "./expert-tensors.ts";
import { parseGgufConfig, parseGgufDefaults } from "./gguf-config.ts";
import { createGgufTokenizer, tokenizerArrays } from "./gguf-tokenizer.ts";
import { openGgufFiles, type GgufFiles, type PlacedTensor } from "./open-gguf-files.ts";
import { hasGgufFiles, locateGguf } from "./locate-gguf.ts";
import { isGgufMagic, readGgufHeader } from "./read-gguf-header.ts";
import { networkNameOf } from "./tensor-names.ts";

const ropeTensor = "rope_freqs.weight";
const shortRopeTensor = "rope_factors_short.weight";
const longRopeTensor = "rope_factors_long.weight";
const ropeTensors: ReadonlySet<string> = new Set([ropeTensor, shortRopeTensor, longRopeTensor]);
const maxRopeNumbers = 2 ** 16;

/** A file of llama.cpp, or the first of several parts of one, or a directory with one of those. */
export const gguf: CheckpointFormat = {
  name: "gguf",
  description: "a GGUF file",

  async detect(location): Promise<boolean> {
    const { files, path, kind } = location;
    if (kind === "directory") return hasGgufFiles(location);
    if (kind !== "file") return false;
    const opened = await openFile(files, path);
    try {
      const magic = new Uint8Array(Math.min(4, opened.file.sizeBytes));
      await readFully(opened, magic, 0);
      return isGgufMagic(magic);
    } finally {
      await opened.file.close();
    }
  },

  async open(location, { signal }): Promise<StoredNetwork> {
    const { files } = location;
    const path = await locateGguf(location);
    const opened = await openGgufFiles(files, path, signal);
    try {
      const { metadata, tensors } = opened;
      const { config, family } = parseGgufConfig({
        path,
        metadata,
        embeddingShape: tensors.get("token_embd.weight")?.shape,
        hasTensor: (name) => tensors.has(name),
        ropeDivisors: await readRopeNumbers(opened, ropeTensor),
        shortRopeFactors: await readRopeNumbers(opened, shortRopeTensor),
        longRopeFactors: await readRopeNumbers(opened, longRopeTensor),
      });
      const weights = createWeightIndex(indexWeights(opened, family), opened.files);
      return { config, weights, generationDefaults: parseGgufDefaults(metadata, path) };
    } catch (error) {
      await closeFiles(opened.files);
      throw error;
    }
  },

  async readText(location, options): Promise<StoredText> {
    const { files } = location;
    const path = await locateGguf(location);
    const { now, chatTemplatePath, signal, encodes = true, hasTimeLimit = true } = options;
    const opened = await openFile(files, path);
    try {
      const { metadata } = await readGgufHeader(opened, (key) => tokenizerArrays.has(key));
      signal?.throwIfAborted();
      const made = createGgufTokenizer(metadata, { path, encodes, hasTimeLimit });
      const { tokenizer, settings, endTokenIds } = made;
      signal?.throwIfAborted();
      const sources = selectTemplate(settings.chatTemplate, basename(path));
      const name = "tokenizer.chat_template";
      const chatTemplate = await resolveChatTemplate(
        async () => (sources === undefined ? undefined : { name, ...sources }),
        settings,
        { files, now, chatTemplatePath },
      );
      return { tokenizer, chatTemplate, endTokenIds };
    } finally {
      await opened.file.close();
    }
  },
};

/** The weights by their names in the network. */
function indexWeights({ tensors }: GgufFiles, family: GgufFamily): ReadonlyMap<string, StoredWeight> {
  const weights = new Map<string, StoredWeight>();
  for (const tensor of tensors.values()) {
    if (ropeTensors.has(tensor.name)) continue;
    for (const [name, part] of splitExperts(networkNameOf(tensor.name, family), tensor)) {
      if (weights.has(name)) {
        const mismatch = { expected: `one tensor for ${name}`, got: "another one" };
        throw new ModelError("TENSOR_DUPLICATED", mismatch, { file: tensor.filePath, tensor: tensor.name });
      }
      weights.set(name, weightOf(part));
    }
  }
  return weights;
}

function weightOf({ type, name, shape, filePath, startByte, endByte }: PlacedTensor): StoredWeight {
  const place = { name, filePath, startByte, endByte };
  if (!isPacking(type)) return denseWeight({ ...place, dtype: type, shape });
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const data = { ...place, dtype: "U8" as const, shape: [rows, (endByte - startByte) / rows] };
  return { encoding: "packed", packing: type, shape, data };
}

/** The scaled frequencies of Llama 3 and of longrope are tensors here, of one number for each. */
async function readRopeNumbers(
  { tensors, files }: GgufFiles,
  name: string,
): Promise<readonly number[] | undefined> {
  const tensor = tensors.get(name);
  const file = files.get(tensor?.filePath ?? "");
  if (tensor === undefined || file === undefined) return undefined;
  const { type, shape, startByte, endByte } = tensor;
  if (type !== "F32" || shape.length !== 1 || endByte - startByte > 4 * maxRopeNumbers) {
    const mismatch = { expected: `at most ${maxRopeNumbers} F32`, got: `${type} (${shape.join(", ")})` };
    throw new ModelError("INVALID_CONFIG", mismatch, { file: file.path, tensor: name });
  }
  const bytes = new Uint8Array(endByte - startByte);
  await readFully(file, bytes, startByte);
  return [...decodeElements(bytes, "F32")];
}
