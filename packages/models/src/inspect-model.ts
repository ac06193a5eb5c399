import { basename, relative, sep } from "node:path";

import { ModelError } from "./errors.ts";
import type { ModelErrorCode } from "./errors.ts";
import type { ModelConfig } from "./config/model-config.ts";
import { findModel } from "./formats/find-model.ts";
import type { ModelSource } from "./formats/find-model.ts";
import type { LanguageModel } from "./load-model.ts";
import { modelNameOf } from "./files/hub-name.ts";
import type { ModelWarning } from "./network/model-warning.ts";
import { openFoundCheckpoint } from "./open-checkpoint.ts";
import type { Checkpoint } from "./open-checkpoint.ts";
import { readModelText } from "./read-model-text.ts";
import type { ModelText } from "./read-model-text.ts";
import type { BlockLayout } from "./weights/block-layout.ts";
import { layoutOf } from "./weights/ggml/ggml-types.ts";
import { layoutOfGroups } from "./weights/grouped/grouped-layout.ts";
import { denseWeight, type StoredWeight, tensorsOf, typeOf } from "./weights/stored-weight.ts";

/** How a tensor is stored. */
export interface TensorInspection {
  /** As the file spells it. */
  readonly name: string;
  /** Such as `BF16` or `Q4_K`. */
  readonly type: string;
  readonly shape: readonly number[];
  /** What weights in blocks or groups are computed as; `undefined` for other types. */
  readonly unpackedTo: BlockLayout | undefined;
  /** Whether they are quantized again for that; else they keep their numbers. */
  readonly isRequantized: boolean;
}

/** The experts of a mixture. */
export interface ExpertsInspection {
  /** Layers that have them; the MLP of others has `ModelInspection.intermediateSize`. */
  readonly layerCount: number;
  /** In each of these layers. */
  readonly expertCount: number;
  readonly expertsPerToken: number;
  readonly intermediateSize: number;
  /** Width of an MLP that every token takes beside them; `undefined` where there is none. */
  readonly sharedIntermediateSize: number | undefined;
}

/** The description of a model, as plain data. */
export interface ModelInspection {
  readonly name: string;
  readonly directory: string;
  readonly family: string;
  readonly architecture: string;
  readonly parameterCount: number;
  readonly weightBytes: number;
  /** Bytes of tensors by type, such as `{ BF16: 12582912 }` or `{ Q4_K: 7077888, F32: 4096 }`. */
  readonly weightBytesByDtype: Readonly<Record<string, number>>;
  /** Of the weights, relative to the directory, with `/`. */
  readonly files: readonly string[];
  readonly tensorCount: number;
  /** Each tensor in the order of the files. */
  readonly tensors: readonly TensorInspection[];
  /** Tensors that the network does not use. */
  readonly unusedTensors: readonly string[];
  /** Of a model that `models quantize` wrote: what its weights were made of, what they are, and for what. */
  readonly prepared:
    | { readonly source: string; readonly quantization: string; readonly target: string }
    | undefined;
  /** Problems that do not prevent loading. */
  readonly warnings: readonly ModelWarning[];
  readonly contextTokens: number;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layerCount: number;
  /** Of layers whose MLP is several, of which each token takes a few; `undefined` where there are none. */
  readonly experts: ExpertsInspection | undefined;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
  readonly hasTiedEmbeddings: boolean;
  /** How layers rotate queries and keys; none where positions are not used so. */
  readonly rotaries: ModelConfig["rotaries"];
  /** Layers with sliding-window attention. */
  readonly slidingWindowLayerCount: number;
  readonly eosTokenIds: readonly number[];
  readonly hasChatTemplate: boolean;
  /** `undefined` where tokenizer or chat template cannot be read. */
  readonly tokenizerType: "BPE" | "Unigram" | undefined;
  readonly tokenizerVocabSize: number | undefined;
  /** Why tokenizer or chat template cannot be read: the error that `loadModel` throws. */
  readonly textProblem: { readonly code: ModelErrorCode; readonly message: string } | undefined;
  /** KV cache bytes of one token over all layers. */
  readonly kvBytesPerToken: { readonly f32: number; readonly f16: number };
}

/** Options of `inspectModel`. */
export interface InspectModelOptions extends ModelSource {
  /** A Jinja file that replaces the checkpoint's own chat template. */
  readonly chatTemplatePath?: string | undefined;
  /** False builds no encoder, which a hostile tokenizer can make slow. Default true. */
  readonly encodes?: boolean;
}

/**
 * Reads a model with every check of config and weights that `loadModel` makes, and closes it again. An error of
 * tokenizer or chat template is in `textProblem`.
 *
 * @throws ModelError with a code
 */
export async function inspectModel(
  directory: string,
  options: InspectModelOptions = {},
): Promise<ModelInspection> {
  const found = await findModel(directory, options);
  const checkpoint = await openFoundCheckpoint(found, {});
  try {
    const { chatTemplatePath, encodes } = options;
    const text = await readModelText(found, checkpoint.config, { chatTemplatePath, encodes });
    return describe(checkpoint, text);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { ...describe(checkpoint, undefined), textProblem: { code: error.code, message: error.message } };
  } finally {
    await checkpoint.weights.close();
  }
}

/** Describes a network without its text, such as that of `openConfig`. */
export function describeNetwork(network: Checkpoint): ModelInspection {
  return describe(network, undefined);
}

/** Describes a model that is loaded. */
export function describeLoadedModel(model: LanguageModel): ModelInspection {
  return { ...describe(model, model), name: model.name };
}

type Network = Pick<
  Checkpoint,
  "directory" | "config" | "weights" | "prepared" | "unusedTensors" | "warnings"
>;

function describe(network: Network, text: ModelText | undefined): ModelInspection {
  const config = text?.config ?? network.config;
  const { prepared } = network;
  const { family, architecture, layerCount, kvHeadCount, headDim } = config;
  const kvElements = 2 * layerCount * kvHeadCount * headDim;
  return {
    name: modelNameOf(network.directory),
    directory: network.directory,
    family,
    architecture,
    ...describeWeights(network),
    prepared: prepared && {
      source: prepared.source,
      quantization: prepared.quantization,
      target: prepared.target.description,
    },
    contextTokens: config.contextTokens,
    vocabSize: config.vocabSize,
    hiddenSize: config.hiddenSize,
    intermediateSize: config.intermediateSize,
    layerCount,
    experts: describeExperts(config),
    headCount: config.headCount,
    kvHeadCount,
    headDim,
    hasTiedEmbeddings: config.hasTiedEmbeddings,
    rotaries: config.rotaries,
    slidingWindowLayerCount: config.slidingWindowTokens.filter((window) => window !== undefined).length,
    eosTokenIds: config.eosTokenIds,
    hasChatTemplate: text?.chatTemplate !== undefined,
    tokenizerType: text?.tokenizer.modelType,
    tokenizerVocabSize: text?.tokenizer.vocabSize,
    textProblem: undefined,
    kvBytesPerToken: { f32: kvElements * 4, f16: kvElements * 2 },
  };
}

function describeExperts({ experts }: ModelConfig): ExpertsInspection | undefined {
  if (experts === undefined) return undefined;
  const { layers, expertCount, expertsPerToken, intermediateSize, sharedIntermediateSize } = experts;
  const layerCount = layers.filter(Boolean).length;
  return { layerCount, expertCount, expertsPerToken, intermediateSize, sharedIntermediateSize };
}

type WeightDescription = Pick<
  ModelInspection,
  | "parameterCount"
  | "weightBytes"
  | "weightBytesByDtype"
  | "files"
  | "tensorCount"
  | "tensors"
  | "unusedTensors"
  | "warnings"
>;

function describeWeights({ directory, weights, unusedTensors, warnings }: Network): WeightDescription {
  const bytesByType: Record<string, number> = {};
  const files = new Set<string>();
  const tensors: TensorInspection[] = [];
  for (const [weightName, tensor] of weights.tensors) {
    const weight = weights.weight(weightName) ?? denseWeight(tensor);
    const type = typeOf(weight);
    for (const { startByte, endByte, filePath } of tensorsOf(weight)) {
      bytesByType[type] = (bytesByType[type] ?? 0) + endByte - startByte;
      // A model may be a single file.
      const file = relative(directory, filePath) || basename(filePath);
      files.add(file.split(sep).join("/"));
    }
    tensors.push({ name: tensor.name, type, shape: weight.shape, ...describeBlocks(weight) });
  }
  return {
    parameterCount: weights.parameterCount,
    weightBytes: weights.totalBytes,
    weightBytesByDtype: bytesByType,
    files: [...files].toSorted(),
    tensorCount: weights.tensors.size,
    tensors,
    unusedTensors,
    warnings,
  };
}

function describeBlocks(weight: StoredWeight): Pick<TensorInspection, "unpackedTo" | "isRequantized"> {
  if (weight.encoding === "packed") return { unpackedTo: layoutOf(weight.packing), isRequantized: false };
  if (weight.encoding !== "grouped") return { unpackedTo: undefined, isRequantized: false };
  const { layout, isExact } = layoutOfGroups(weight);
  return { unpackedTo: layout, isRequantized: !isExact };
}
