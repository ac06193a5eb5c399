export type { ChatTemplate, ChatTemplateMessage, ChatTemplateOptions } from "./chat-template.ts";
export type { Architecture, AttentionOptions, DecoderBuilder, WeightRef } from "./decoder-builder.ts";
export type { ModelConfig, ModelFamily, RopeScaling } from "./model-config.ts";
export type { GenerationDefaults, LanguageModel, LoadOptions, ModelLoader } from "./model-loader.ts";
export type { Tokenizer } from "./tokenizer.ts";
export type { TensorDtype, TensorInfo, WeightIndex } from "./weights.ts";
