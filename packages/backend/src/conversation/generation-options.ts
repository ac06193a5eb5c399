import { randomUUID } from "node:crypto";
import type { ConstraintSource } from "@infernode/inference/constraint";
import { z } from "zod";
import type { ServedModel } from "../models/model-service.ts";
import type { Conversation } from "./conversation.ts";
import { effortVariables, efforts, thinkingVariables, type ReasoningEffort } from "./reasoning.ts";
import { defined, toSampling } from "./sampling.ts";

/** How an answer is generated, as programs ask for it. Defaults in brackets. */
export interface GenerationOptions {
  /** 0 takes the most likely token, 2 is the most. [the checkpoint's, else 1] */
  readonly temperature?: number | undefined;
  /** Samples from the most likely tokens that make up this share of the probability. [the checkpoint's, else 1] */
  readonly topP?: number | undefined;
  /** Samples from this many of the most likely tokens; 0 is all. [the checkpoint's, else 0] */
  readonly topK?: number | undefined;
  /** Drops tokens less likely than this share of the most likely one. [the checkpoint's, else 0] */
  readonly minP?: number | undefined;
  /** An integer of up to 64 bits: the same seed gives the same text. [random] */
  readonly seed?: number | bigint | undefined;
  /** [0] From -2 to 2. */
  readonly presencePenalty?: number | undefined;
  /** [0] From -2 to 2. */
  readonly frequencyPenalty?: number | undefined;
  /** Above 1 makes tokens of the prompt and the answer less likely. [the checkpoint's, else 1] */
  readonly repetitionPenalty?: number | undefined;
  /** By token id: values from -100 to 100 that are added to logits. [none] */
  readonly logitBias?: Readonly<Record<number, number>> | undefined;
  /** The only tokens that are generated. [all] */
  readonly allowedTokenIds?: readonly number[] | undefined;
  /** Words that the answer does not have. [none] */
  readonly badWords?: readonly string[] | undefined;
  /** What the answer is likely to be, or to have long parts of: verified several tokens at once, which saves time. [nothing] */
  readonly prediction?: string | undefined;
  /** Longest answer, in tokens, reasoning included. [the checkpoint's, else the rest of the context] */
  readonly maxTokens?: number | undefined;
  /** The answer does not end before it has this many tokens. [0] */
  readonly minTokens?: number | undefined;
  /** Texts that end the answer and are not part of it. [none] */
  readonly stop?: string | readonly string[] | undefined;
  readonly stopTokenIds?: readonly number[] | undefined;
  /** Continues after the end-of-sequence token. [false] */
  readonly ignoreEos?: boolean | undefined;
  /** Keeps this many tokens at the end of the prompt. [all; a prompt that does not fit is refused] */
  readonly truncatePromptTokens?: number | undefined;
  /** What the content matches, such as `{ regex }`, `{ choice }` or `{ grammar }`. [anything] */
  readonly constraint?: ConstraintSource | undefined;
  /** How much the model reasons, where its chat template has levels; `none` turns reasoning off. */
  readonly reasoningEffort?: ReasoningEffort | undefined;
  /** Turns reasoning on or off, where the model can. */
  readonly thinking?: boolean | undefined;
  /** Tokens of reasoning after which it is ended. [it ends where the model ends it] */
  readonly reasoningBudget?: number | undefined;
  /** More variables for the chat template. [none] */
  readonly templateVariables?: Readonly<Record<string, unknown>> | undefined;
  /** Leaves the final message open, so that the answer continues it. [false] */
  readonly continueFinalMessage?: boolean | undefined;
}

/** Their names and types; the engine checks ranges. */
type FieldsOf<Options> = { readonly [Name in keyof Options]-?: z.ZodType<Options[Name]> };

const number = z.number({ error: "a number" }).optional();
const flag = z.boolean({ error: "true or false" }).optional();
const tokenIds = z.array(z.number({ error: "a token id" }), { error: "an array of token ids" }).optional();
const texts = z.array(z.string({ error: "a string" }), { error: "an array of strings" });
const map = z.record(z.string(), z.unknown(), { error: "an object" }).optional();
const object = z.looseObject({}, { error: "an object" }).optional();

/** How the options are checked. */
export const generationFields: FieldsOf<GenerationOptions> = {
  temperature: number,
  topP: number,
  topK: number,
  minP: number,
  seed: z.union([z.number(), z.bigint()], { error: "an integer" }).optional(),
  presencePenalty: number,
  frequencyPenalty: number,
  repetitionPenalty: number,
  logitBias: z
    .record(z.string(), z.number({ error: "a number" }), { error: "an object of numbers" })
    .optional(),
  allowedTokenIds: tokenIds,
  badWords: texts.optional(),
  prediction: z.string({ error: "a string" }).optional(),
  maxTokens: number,
  minTokens: number,
  stop: z.union([z.string(), texts], { error: "a string or an array of strings" }).optional(),
  stopTokenIds: tokenIds,
  ignoreEos: flag,
  truncatePromptTokens: z.int({ error: "an integer" }).min(1, { error: "at least 1" }).optional(),
  constraint: object as unknown as z.ZodType<ConstraintSource | undefined>,
  reasoningEffort: z.enum(efforts, { error: `one of ${efforts.join(", ")}` }).optional(),
  thinking: flag,
  reasoningBudget: z.int({ error: "an integer" }).min(0, { error: "at least 0" }).optional(),
  templateVariables: map,
  continueFinalMessage: flag,
};

function variablesOf(options: GenerationOptions, model: ServedModel): Readonly<Record<string, unknown>> {
  const { thinking: isOn, reasoningEffort, templateVariables } = options;
  const field = { name: "thinking", param: "thinking", got: isOn };
  return {
    ...templateVariables,
    ...effortVariables(reasoningEffort, model, { effort: "reasoningEffort", alternative: "`thinking`" }),
    ...(isOn === undefined ? {} : thinkingVariables({ isOn, field }, model)),
  };
}

function biasOf(bias: GenerationOptions["logitBias"]): ReadonlyMap<number, number> | undefined {
  return bias && new Map(Object.entries(bias).map(([tokenId, value]) => [Number(tokenId), value]));
}

/** What options say of a conversation. @throws EngineRequestError `UNSUPPORTED_PARAMETER` */
export function toGeneration(
  options: GenerationOptions,
  model: ServedModel,
): Pick<Conversation, "generation" | "template" | "reasoningBudget" | "isMaxTokensDefault"> {
  const { temperature, topP, topK, minP, seed, presencePenalty, frequencyPenalty, repetitionPenalty } =
    options;
  const { allowedTokenIds, minTokens, stop, stopTokenIds, ignoreEos, maxTokens } = options;
  const { truncatePromptTokens, constraint, badWords, prediction, continueFinalMessage } = options;
  const { generationDefaults } = model;
  const asked = { temperature, topP, topK, minP, seed, presencePenalty, frequencyPenalty, repetitionPenalty };
  const logitBias = biasOf(options.logitBias);
  return {
    isMaxTokensDefault: maxTokens === undefined,
    reasoningBudget: options.reasoningBudget,
    template: { continueFinalMessage, variables: variablesOf(options, model) },
    generation: {
      id: randomUUID(),
      sampling: toSampling({ ...asked, logitBias, allowedTokenIds }, generationDefaults),
      stopping: defined({
        maxTokens: maxTokens ?? generationDefaults.maxNewTokens,
        minTokens,
        stop: typeof stop === "string" ? [stop] : stop,
        stopTokenIds,
        ignoreEos,
      }),
      ...defined({ truncatePromptTokens, constraint, badWords, prediction }),
    },
  };
}
