import { join } from "node:path";
import type { GenerationDefaults } from "../../config/parse-generation-defaults.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import { ModelError, quoteValue } from "../../errors.ts";
import { openFile, statFile } from "../../files/read-file.ts";
import { hasStamp } from "../../weights/quantize/file-stamp.ts";
import type { PreparationTarget } from "../../weights/prepared/preparation-target.ts";
import { readTensorFile, type TensorFile } from "../../weights/prepared/tensor-file.ts";
import { isTensor, type StoredWeight, type TensorInfo } from "../../weights/stored-weight.ts";
import { createWeightIndex } from "../../weights/weight-index.ts";
import { preparedFile } from "./prepared-file.ts";
import type { CheckpointFormat, PreparedNetwork, StoredNetwork, StoredText } from "../checkpoint-format.ts";
import { gguf } from "../gguf/gguf.ts";
import { hfDirectory } from "../hf-directory/hf-directory.ts";

/** The header of the GGUF file that a prepared model was made of. */
export const ggufTextFile = "tokenizer.gguf";
export const preparedVersion = "2";

/** What `prepared.safetensors` says beside its tensors, as JSON where it is no text. */
export interface PreparedMetadata {
  readonly infernode: string;
  readonly source: string;
  readonly mode: string;
  readonly quantization: string;
  readonly target: string;
  readonly config: string;
  readonly generationDefaults: string;
  /** Weights by name; in place of a tensor, its name in an array. */
  readonly weights: string;
}

/** A directory that `infernode models quantize` wrote: weights as they are computed with, and all that a text needs. */
export const prepared: CheckpointFormat = {
  name: "prepared",
  description: undefined,

  async detect({ files, path, kind }): Promise<boolean> {
    return kind === "directory" && (await statFile(files, join(path, preparedFile))) !== undefined;
  },

  async open({ files, path }): Promise<StoredNetwork> {
    const filePath = join(path, preparedFile);
    const file = await readTensorFile(filePath, files);
    const metadata = file.metadata as Partial<Record<keyof PreparedMetadata, string>>;
    if (metadata.infernode !== preparedVersion) {
      const got = quoteValue(metadata.infernode);
      const advice = "write it again with infernode models quantize";
      const mismatch = { expected: `version ${preparedVersion} of prepared weights`, got, advice };
      throw new ModelError("UNSUPPORTED_FORMAT", mismatch, { file: filePath });
    }
    const read = (name: keyof PreparedMetadata): unknown => JSON.parse(metadata[name] ?? "{}");
    const opened = await openFile(files, filePath);
    return {
      config: readConfig(read("config")),
      generationDefaults: read("generationDefaults") as GenerationDefaults,
      weights: createWeightIndex(readWeights(read("weights"), file), new Map([[filePath, opened]])),
      prepared: describe(file, metadata, read("target") as PreparationTarget),
    };
  },

  async readText(location, options): Promise<StoredText> {
    const path = join(location.path, ggufTextFile);
    const isGguf = (await statFile(location.files, path)) !== undefined;
    return isGguf
      ? gguf.readText({ ...location, path, kind: "file" }, options)
      : hfDirectory.readText(location, options);
  },
};

function describe(
  file: TensorFile,
  { source = "unknown", mode = "none", quantization = "unknown" }: Partial<PreparedMetadata>,
  target: PreparationTarget,
): PreparedNetwork {
  return {
    source,
    mode,
    quantization,
    target,
    verify: async (options) => {
      if ((await hasStamp(file.path)) || (await file.verify(options))) return;
      const advice = "copy the model again, or write it again with infernode models quantize";
      const mismatch = { expected: "weights with the checksums of their header", got: "others", advice };
      throw new ModelError("INVALID_SAFETENSORS", mismatch, { file: file.path });
    },
  };
}

/** JSON has no `undefined`. */
function readConfig(json: unknown): ModelConfig {
  const config = json as ModelConfig;
  const byLayer = (numbers: readonly (number | undefined)[]): readonly (number | undefined)[] =>
    numbers.map((number) => number ?? undefined);
  return Object.freeze({
    ...config,
    slidingWindowTokens: byLayer(config.slidingWindowTokens),
    layerRotary: byLayer(config.layerRotary),
    attentionSoftCap: config.attentionSoftCap,
    logitSoftCap: config.logitSoftCap,
    bosTokenId: config.bosTokenId,
    experts: config.experts && {
      ...config.experts,
      sharedIntermediateSize: config.experts.sharedIntermediateSize,
    },
  });
}

/** As they are in the metadata. */
export function describeWeights(weights: ReadonlyMap<string, StoredWeight>): string {
  const described = Array.from(weights, ([name, weight]) => {
    const fields = Object.entries(weight).map(([field, value]: [string, unknown]) => [
      field,
      isTensor(value) ? { tensor: value.name } : value,
    ]);
    return [name, Object.fromEntries(fields)] as const;
  });
  return JSON.stringify(Object.fromEntries(described));
}

function readWeights(json: unknown, file: TensorFile): ReadonlyMap<string, StoredWeight> {
  const tensors = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const read = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || !("tensor" in value)) return value;
    const tensor: TensorInfo | undefined = tensors.get(String(value.tensor));
    if (tensor !== undefined) return tensor;
    const mismatch = { expected: "a tensor that its header names", got: "none" };
    throw new ModelError("TENSOR_MISSING", mismatch, { file: file.path, tensor: String(value.tensor) });
  };
  return new Map(
    Object.entries(json as Record<string, object>).map(([name, weight]) => {
      const fields = Object.entries(weight).map(([field, value]: [string, unknown]) => [field, read(value)]);
      return [name, Object.fromEntries(fields) as StoredWeight];
    }),
  );
}
