import type { ServedModel } from "../model-service.ts";

/** The name of a dialect: which parameters a server supports beyond OpenAI's. */
export type DialectName = "openai" | "infernode" | "vllm" | "llama.cpp";

/** The parameters of a generation: the path in its input, and the value that has no effect. */
export const parameters = {
  temperature: { path: "sampling.temperature", neutral: undefined },
  topP: { path: "sampling.topP", neutral: 1 },
  topK: { path: "sampling.topK", neutral: 0 },
  minP: { path: "sampling.minP", neutral: 0 },
  presencePenalty: { path: "sampling.presencePenalty", neutral: 0 },
  frequencyPenalty: { path: "sampling.frequencyPenalty", neutral: 0 },
  repetitionPenalty: { path: "sampling.repetitionPenalty", neutral: 1 },
  logitBias: { path: "sampling.logitBias", neutral: undefined },
  allowedTokenIds: { path: "sampling.allowedTokenIds", neutral: undefined },
  bannedSequences: { path: "sampling.bannedSequences", neutral: undefined },
  badWords: { path: "badWords", neutral: undefined },
  prediction: { path: "prediction", neutral: undefined },
  truncatePromptTokens: { path: "truncatePromptTokens", neutral: undefined },
  seed: { path: "sampling.seed", neutral: undefined },
  maxTokens: { path: "stopping.maxTokens", neutral: undefined },
  minTokens: { path: "stopping.minTokens", neutral: 0 },
  stop: { path: "stopping.stop", neutral: undefined },
  stopTokenIds: { path: "stopping.stopTokenIds", neutral: undefined },
  ignoreEos: { path: "stopping.ignoreEos", neutral: false },
  includeStopInOutput: { path: "stopping.includeStopInOutput", neutral: false },
  n: { path: "n", neutral: 1 },
  promptLogprobs: { path: "promptLogprobs", neutral: undefined },
  skipSpecialTokens: { path: "skipSpecialTokens", neutral: true },
  reasoningBudget: { path: "parts.reasoningBudget", neutral: undefined },
  addSpecialTokens: { path: "prompt.addSpecialTokens", neutral: true },
  addGenerationPrompt: { path: "prompt.options.addGenerationPrompt", neutral: true },
  continueFinalMessage: { path: "prompt.options.continueFinalMessage", neutral: false },
  variables: { path: "prompt.options.variables", neutral: undefined },
} as const;

/** The name of a parameter of a generation. */
export type ParameterName = keyof typeof parameters;

/** How a kind of server differs from others. */
export interface Dialect {
  readonly name: DialectName;
  /** `owned_by` in its list of models. */
  readonly ownedBy: string | undefined;
  /** Its names of the parameters. A parameter without one is rejected unless its value has no effect. */
  readonly fields: { readonly [Name in ParameterName]?: string };
  readonly seedBits: 32 | 64;
  /** With fewer alternatives, the server omits all log-probabilities. */
  readonly leastAlternatives: 0 | 1;
  /** Supports `return_token_ids`. */
  readonly tellsTokenIds: boolean;
  /** Sends one usage per answer instead of one for all. */
  readonly hasUsagePerAnswer: boolean;
  /** vLLM's `structured_outputs`; others have `response_format` for chats. */
  readonly hasStructuredOutputs: boolean;
  /** Without `max_tokens`, a completion continues to the end of the context. */
  readonly isLengthOpen: boolean;
  /** The API of `/tokenize`. */
  readonly tokenizer: "vllm" | "llama.cpp" | undefined;
}

/** What all servers take. */
const commonFields = {
  temperature: "temperature",
  topP: "top_p",
  presencePenalty: "presence_penalty",
  frequencyPenalty: "frequency_penalty",
  logitBias: "logit_bias",
  seed: "seed",
  maxTokens: "max_tokens",
  stop: "stop",
  n: "n",
} as const;

const openAi: Dialect = {
  name: "openai",
  ownedBy: undefined,
  fields: { ...commonFields, prediction: "prediction" },
  seedBits: 64,
  leastAlternatives: 0,
  tellsTokenIds: false,
  hasUsagePerAnswer: false,
  hasStructuredOutputs: false,
  isLengthOpen: false,
  tokenizer: undefined,
};

const infernode: Dialect = {
  ...openAi,
  name: "infernode",
  ownedBy: "infernode",
  tellsTokenIds: true,
  hasStructuredOutputs: true,
  fields: {
    ...openAi.fields,
    topK: "top_k",
    minP: "min_p",
    repetitionPenalty: "repetition_penalty",
    allowedTokenIds: "allowed_token_ids",
    badWords: "bad_words",
    truncatePromptTokens: "truncate_prompt_tokens",
    minTokens: "min_tokens",
    stopTokenIds: "stop_token_ids",
    ignoreEos: "ignore_eos",
    includeStopInOutput: "include_stop_str_in_output",
    skipSpecialTokens: "skip_special_tokens",
    reasoningBudget: "thinking_token_budget",
    addSpecialTokens: "add_special_tokens",
    addGenerationPrompt: "add_generation_prompt",
    continueFinalMessage: "continue_final_message",
    variables: "chat_template_kwargs",
  },
  tokenizer: "vllm",
};

const { prediction: _, ...vllmFields } = infernode.fields;

/** Most of Infernode's fields are vLLM's; it ignores a prediction. */
const vllm: Dialect = { ...infernode, name: "vllm", ownedBy: "vllm", fields: vllmFields };

/** Ignores unknown fields and the upper 32 bits of a seed. */
const llamaCpp: Dialect = {
  ...openAi,
  name: "llama.cpp",
  ownedBy: "llamacpp",
  fields: {
    ...commonFields,
    topK: "top_k",
    minP: "min_p",
    repetitionPenalty: "repeat_penalty",
    ignoreEos: "ignore_eos",
    reasoningBudget: "thinking_budget_tokens",
    addGenerationPrompt: "add_generation_prompt",
    continueFinalMessage: "continue_final_message",
    variables: "chat_template_kwargs",
  },
  seedBits: 32,
  leastAlternatives: 1,
  hasUsagePerAnswer: true,
  isLengthOpen: true,
  tokenizer: "llama.cpp",
};

const dialects: readonly Dialect[] = [openAi, infernode, vllm, llamaCpp];

export const dialectNames: readonly DialectName[] = dialects.map(({ name }) => name);

/** Finds a dialect by its name, else by the `owned_by` of a model; OpenAI's if neither matches. */
export function findDialect(name: DialectName | undefined, ownedBy: unknown): Dialect {
  const found = dialects.find((each) => (name === undefined ? each.ownedBy === ownedBy : each.name === name));
  return found ?? openAi;
}

/** A model of a remote server, and the server's dialect. */
export interface RemoteModel {
  readonly served: ServedModel;
  readonly dialect: Dialect;
}
