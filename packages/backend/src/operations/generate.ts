import { setImmediate as nextTurn } from "node:timers/promises";
import type { ConstraintPort, GenerationRequest, TokenDelta as EngineDelta } from "@infernode/inference";
import type { ConstraintSource } from "@infernode/inference/constraint";
import { expandIteration, Several } from "../iteration/map-iteration.ts";
import { type OpenedIteration, openIteration } from "../iteration/open-iteration.ts";
import type { AdapterRef } from "./adapter.ts";
import type { Operation, OperationParts } from "./operation.ts";
import { answerSource } from "./enforce-calls.ts";
import type { Prompt } from "./prompt.ts";
import { encodeBadWords } from "./bad-words.ts";
import { estimateTokens, promptCharacters } from "./prompt-size.ts";
import {
  keptTokenIds,
  limitAnswers,
  limitBudget,
  openAnswerOf,
  openAnswers,
  reasoningEnd,
  type AnswerParts,
} from "./open-answers.ts";
import type {
  AnswerUsage,
  DeltaEvent,
  GenerationTimings,
  PromptLogprobs,
  TokenDelta,
} from "./token-delta.ts";

type OwnField =
  | "adapter"
  | "promptTokenIds"
  | "predictedTokenIds"
  | "constraint"
  | "keptSpecialTokenIds"
  | "signal"
  | "keepResult";

/** The input of a generation: plain data that can be sent to the engine process. */
export interface GenerateInput extends Omit<GenerationRequest, OwnField> {
  readonly id: string;
  readonly prompt: Prompt;
  /** Keeps this many tokens at the prompt's end, at least 1. [all; a prompt that does not fit is refused] */
  readonly truncatePromptTokens?: number;
  /** Reports the tokens of the prompt. [false] */
  readonly hasPromptTokenIds?: boolean;
  /** [the model as it is] */
  readonly adapter?: AdapterRef;
  /** What the content of each answer must match. [anything] */
  readonly constraint?: ConstraintSource;
  /** Words that the answer does not have, at its beginning and after a space; see `encodeBadWords`. [none] */
  readonly badWords?: readonly string[];
  /** What the answer is likely to be, or to have parts of: the model verifies it several tokens at once. [nothing] */
  readonly prediction?: string;
  /**
   * The reader can drop what it has of the answer: if the engine crashes, it gets `restarted` and then the answer from
   * its beginning. [false: an answer that has begun fails]
   */
  readonly canRestart?: boolean;
  /** Separates reasoning and calls from the content of answers. [all text is content] */
  readonly parts?: AnswerParts | undefined;
}

/** The events in order: `accepted` first, `finished` last. A failure rejects the iteration. */
export type GenerateEvent =
  /** `undefined` if a remote server reports the count at the end. */
  | {
      readonly type: "accepted";
      readonly promptTokenCount: number | undefined;
      /** Tokens that were cut off the prompt's beginning, if any. */
      readonly truncatedTokenCount?: number;
      /** If the request asks for them. */
      readonly promptTokenIds?: readonly number[];
    }
  /** If the request asks for them: in parts, before the first delta. */
  | { readonly type: "prompt-logprobs"; readonly logprobs: PromptLogprobs }
  | DeltaEvent
  /** Only with `canRestart`: everything since `accepted` is void and comes again. */
  | { readonly type: "restarted" }
  | { readonly type: "finished"; readonly usage: AnswerUsage; readonly timings: GenerationTimings };

/** A delta with more log-probabilities holds several steps that a slow reader has not read. */
const maxStepEntries = 8;

function isEmpty({
  text,
  tokenIds,
  finishReason,
}: Pick<TokenDelta, "text" | "tokenIds" | "finishReason">): boolean {
  return tokenIds.length === 0 && text === "" && finishReason === undefined;
}

/** Log-probabilities of the prompt have an event of their own. */
function withoutPrompt(delta: TokenDelta & Pick<EngineDelta, "promptLogprobs">): TokenDelta {
  const { promptLogprobs: _, ...rest } = delta;
  return rest;
}

interface AnswerCall {
  readonly promptTokenIds: readonly number[];
  readonly signal: AbortSignal;
}

/** What the request asks of the text of answers. */
async function prepareContent(
  { constraints, answers }: OperationParts,
  { constraint: given, parts, prompt }: GenerateInput,
  { promptTokenIds, signal }: AnswerCall,
): Promise<ConstraintPort | undefined> {
  const open = openAnswerOf(answers, { prompt, promptTokenIds });
  const source = answerSource(given, parts, { ...open, reader: answers });
  if (source === undefined) return undefined;
  const constraint = await constraints.prepare(source, signal);
  return parts === undefined ? constraint : limitAnswers(constraint, answers, open);
}

/** That, and a budget of reasoning. */
async function prepareConstraint(
  operationParts: OperationParts,
  input: GenerateInput,
  call: AnswerCall,
): Promise<{ readonly constraint?: ConstraintPort }> {
  const { prompts, answers } = operationParts;
  const { parts, prompt } = input;
  const maxTokens = parts?.reasoningBudget;
  const end = maxTokens === undefined ? "" : reasoningEnd(answers, parts);
  const content = await prepareContent(operationParts, input, call);
  if (maxTokens === undefined) return content === undefined ? {} : { constraint: content };
  const endTokenIds = await prompts.encode(
    { kind: "text", text: end, addSpecialTokens: false },
    { purpose: "generation", signal: call.signal },
  );
  const { promptTokenIds } = call;
  return {
    constraint: limitBudget(content, answers, { prompt, promptTokenIds, maxTokens, endTokenIds }),
  };
}

/** Longer ones than the context are tokenized too: the engine says what is too long. */
async function encodePrediction(
  prompts: OperationParts["prompts"],
  prediction: string | undefined,
  signal: AbortSignal,
): Promise<Pick<GenerationRequest, "predictedTokenIds">> {
  if (prediction === undefined) return {};
  const prompt = { kind: "text", text: prediction, addSpecialTokens: false } as const;
  const call = { purpose: "generation", isTruncated: true, signal } as const;
  return { predictedTokenIds: await prompts.encode(prompt, call) };
}

/** More than one event, each with a turn of the event loop and a message of its own. */
async function* largeEvents(
  { promptLogprobs }: Pick<EngineDelta, "promptLogprobs">,
  delta: TokenDelta,
): AsyncGenerator<GenerateEvent> {
  if (promptLogprobs === undefined) {
    yield { type: "delta", delta };
  } else {
    yield { type: "prompt-logprobs", logprobs: promptLogprobs };
    if (!isEmpty(delta)) yield { type: "delta", delta: withoutPrompt(delta) };
  }
  await nextTurn();
}

function run(
  parts: OperationParts,
  { adapter, ...input }: GenerateInput,
  signal: AbortSignal,
): AsyncIterable<GenerateEvent> {
  return openIteration(async () => {
    const lease = adapter && (await parts.adapters.acquire(adapter));
    const onEnd = (): void => lease?.release();
    try {
      return await start(parts, input, { adapter: lease?.place ?? 0, signal, onEnd });
    } catch (error) {
      onEnd();
      throw error;
    }
  });
}

interface StartOptions {
  /** The place of the adapter; 0 for none. */
  readonly adapter: number;
  readonly signal: AbortSignal;
  /** Called once when nothing more will be read. */
  readonly onEnd: () => void;
}

async function start(
  operationParts: OperationParts,
  input: Omit<GenerateInput, "adapter">,
  { adapter, signal, onEnd }: StartOptions,
): Promise<OpenedIteration<GenerateEvent>> {
  const { engine, prompts, answers } = operationParts;
  const {
    prompt,
    badWords = [],
    prediction,
    truncatePromptTokens,
    hasPromptTokenIds = false,
    canRestart: _,
    constraint: __,
    parts,
    ...rest
  } = input;
  const isTruncated = truncatePromptTokens !== undefined;
  const encoded = await prompts.encode(prompt, { purpose: "generation", isTruncated, signal });
  const promptTokenIds = isTruncated ? encoded.slice(-truncatePromptTokens) : encoded;
  const truncatedTokenCount = encoded.length - promptTokenIds.length;
  const bannedSequences = await encodeBadWords(prompts, badWords, signal);
  const predicted = await encodePrediction(prompts, prediction, signal);
  const constrained = await prepareConstraint(operationParts, input, { promptTokenIds, signal });
  signal.throwIfAborted();
  const sampling = bannedSequences.length === 0 ? rest.sampling : { ...rest.sampling, bannedSequences };
  // The result is not kept: everything that is read was sent on.
  const stream = engine.generate({
    ...rest,
    ...(sampling && { sampling }),
    ...constrained,
    ...predicted,
    promptTokenIds,
    adapter,
    keptSpecialTokenIds: keptTokenIds(answers, parts),
    signal,
    keepResult: false,
  });
  const read = openAnswers(answers, parts, { prompt, promptTokenIds });
  let reasoningTokens = 0;
  const first: GenerateEvent = {
    type: "accepted",
    promptTokenCount: promptTokenIds.length,
    ...(truncatedTokenCount > 0 && { truncatedTokenCount }),
    ...(hasPromptTokenIds && { promptTokenIds: Array.from(promptTokenIds) }),
  };
  async function* finish(): AsyncGenerator<GenerateEvent> {
    const { usage, timings } = await stream.result();
    prompts.recordServiceTime(timings.totalMs - timings.queuedMs);
    yield { type: "finished", usage: read === undefined ? usage : { ...usage, reasoningTokens }, timings };
  }
  const events = expandIteration<EngineDelta, GenerateEvent>(stream[Symbol.asyncIterator](), {
    map: (made) => {
      const delta: TokenDelta = read?.(made) ?? made;
      reasoningTokens += delta.reasoningTokens ?? 0;
      const isLarge = made.promptLogprobs !== undefined || (delta.logprobs?.length ?? 0) > maxStepEntries;
      return isLarge ? new Several(largeEvents(made, delta)) : { type: "delta", delta };
    },
    rest: finish,
    onEnd,
  });
  return { first, rest: events };
}

/** A delta and each candidate of a log-probability count 1: each is an object of some hundred bytes. */
function weigh(event: GenerateEvent): number {
  const logprobs =
    event.type === "delta"
      ? event.delta.logprobs
      : event.type === "prompt-logprobs"
        ? event.logprobs
        : undefined;
  if (logprobs === undefined) return 1;
  return logprobs.reduce((sum, entry) => sum + 1 + (entry?.top.length ?? 0), 1);
}

/** Generates one or several answers to a prompt, token by token. */
export const generate: Operation<GenerateInput, GenerateEvent> = {
  name: "generate",
  run,
  takesAdapter: true,
  sizeTokens: ({ prompt }) => estimateTokens(promptCharacters(prompt)),
  canRestart: (input) => input.canRestart === true,
  weigh,
  timing: {
    requestId: ({ id }) => id,
    hasToken: (event) => event.type === "delta" && event.delta.tokenIds.length > 0,
  },
};
