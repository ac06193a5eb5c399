export type { AdapterChange, AdapterTarget, LoraAdapter } from "./adapters/adapter.ts";
export { openAdapter } from "./adapters/open-adapter.ts";
export type { OpenAdapterOptions } from "./adapters/open-adapter.ts";
export { assertWeightsFit } from "./assert-weights-fit.ts";
export type { WeightsFit } from "./assert-weights-fit.ts";
export type {
  ChatTemplate,
  ChatTemplateMessage,
  ChatTemplateOptions,
} from "./chat-template/chat-template.ts";
export { createChatTemplate } from "./chat-template/create-chat-template.ts";
export type { ChatTemplateSetup } from "./chat-template/create-chat-template.ts";
export type {
  Activation,
  MixtureOfExperts,
  ModelConfig,
  NormStyle,
  QueryScaling,
  RopeScaling,
  Rotary,
} from "./config/model-config.ts";
export { parseGenerationDefaults } from "./config/parse-generation-defaults.ts";
export type { GenerationDefaults } from "./config/parse-generation-defaults.ts";
export { embeddedModelDirectory, modelNameOf } from "./names.ts";
export { ModelError } from "./errors.ts";
export type { Mismatch, ModelErrorCode, ModelErrorDetails } from "./errors.ts";
export { architectureFor } from "./families/find-family.ts";
export { parseModelConfig } from "./families/parse-model-config.ts";
export type { RawModelFiles } from "./families/parse-model-config.ts";
export type { FileAccess, FileStat, OpenFile } from "./files/file-access.ts";
export { createNodeFileAccess } from "./files/node-file-access.ts";
export type {
  CheckpointFormat,
  ModelLocation,
  OpenNetworkOptions,
  PreparedNetwork,
  ReadTextOptions,
  StoredNetwork,
  StoredText,
} from "./formats/checkpoint-format.ts";
export { checkpointFormats } from "./formats/find-model.ts";
export type { ModelSource } from "./formats/find-model.ts";
export { loadTokenizer } from "./formats/hf-directory/load-tokenizer.ts";
export type { LoadTokenizerOptions } from "./formats/hf-directory/load-tokenizer.ts";
export { describeLoadedModel, describeNetwork, inspectModel } from "./inspect-model.ts";
export type {
  ExpertsInspection,
  InspectModelOptions,
  ModelInspection,
  TensorInspection,
} from "./inspect-model.ts";
export { createLlamaLoader, createModelLoader, loadModel } from "./load-model.ts";
export type {
  LanguageModel,
  LlamaLoader,
  LlamaLoaderOptions,
  LoadOptions,
  ModelLoader,
  ModelLoaderOptions,
} from "./load-model.ts";
export { collectWeightRefs } from "./network/collect-weight-refs.ts";
export type {
  Architecture,
  AttentionOptions,
  AttentionRotary,
  DecoderBuilder,
  ExpertRouting,
  FeatureSlice,
  Limits,
  LogitOptions,
  NormWeights,
  WeightRef,
} from "./network/decoder-builder.ts";
export type { ModelWarning } from "./network/model-warning.ts";
export { openCheckpoint } from "./open-checkpoint.ts";
export { findConfigAlone, openConfig } from "./open-config.ts";
export type { ConfigSource } from "./open-config.ts";
export type { Checkpoint, OpenCheckpointOptions } from "./open-checkpoint.ts";
export { loadModelText } from "./read-model-text.ts";
export type { LoadModelTextOptions, ModelText } from "./read-model-text.ts";
export { assertTokenizerFits } from "./tokenizer/assert-tokenizer-fits.ts";
export type { LoadedTokenizer, Tokenizer, TokenizerSettings } from "./tokenizer/tokenizer.ts";
export { openWeightIndex } from "./weights/safetensors/open-weight-index.ts";
export type { AssembleWeights, OpenWeightIndexOptions } from "./weights/safetensors/open-weight-index.ts";
export { denseWeight } from "./weights/stored-weight.ts";
export type {
  BlockQuantizedWeight,
  ByteRange,
  DenseWeight,
  GroupedWeight,
  PackedWeight,
  Packing,
  PrepackedCopy,
  StoredWeight,
  TensorInfo,
  WordPacking,
} from "./weights/stored-weight.ts";
export { dtypeSizeBytes } from "./weights/tensor-dtype.ts";
export type { TensorDtype } from "./weights/tensor-dtype.ts";
export type { WeightIndex } from "./weights/weight-index.ts";
export { countDenseProducts, hasPackedWeights, quantizeCheckpoint } from "./quantize-checkpoint.ts";
export type {
  PrepareWeightsOptions,
  QuantizeCheckpointOptions,
  QuantizedCheckpoint,
} from "./quantize-checkpoint.ts";
export {
  listCachedWeights,
  makeRoomInCache,
  removeCachedWeights,
  touchCachedWeights,
} from "./weights/quantize/weight-cache.ts";
export { findPreparedWeights, writePreparedWeights } from "./prepared-weights.ts";
export { int8BlockRecipe, quantizationRecipes, type QuantizationRecipe } from "./weights/quantize/recipes.ts";
export type { CopyRequest, PreparationOptions } from "./prepared-weights.ts";
export type { CopiedTensor, PreparationTarget } from "./weights/prepared/preparation-target.ts";
export { writePreparedModel } from "./write-prepared-model.ts";
export type { PreparedModelSummary, WritePreparedModelOptions } from "./write-prepared-model.ts";
export { withoutCopies } from "./weights/without-copies.ts";
export type { CachedWeights } from "./weights/quantize/weight-cache.ts";
export type { BlockLayout, Quantization, RowQuantization } from "./weights/block-layout.ts";
