import type { ConstraintPort } from "@infernode/inference";
import { EngineRequestError } from "../errors.ts";
import { limitContent } from "./constraint.ts";
import { limitReasoning } from "./limit-reasoning.ts";
import type { EnforcedCalls, OpenAnswer } from "./enforce-calls.ts";
import type { AnswerReader, AnswerPiece, ReadPiece } from "../parsers/answer/create-answer-reader.ts";
import type { ReasoningTracker } from "../parsers/answer/reasoning-tracker.ts";
import type { CallableTool } from "../parsers/tools/tool-format.ts";
import type { Prompt } from "./prompt.ts";
import type { TokenDelta } from "./token-delta.ts";

/** Which parts an answer may have besides content and reasoning. */
export interface AnswerParts {
  /** Those that may be called; `undefined`: the answer has no calls. */
  readonly tools?: readonly CallableTool[] | undefined;
  /** Further calls are dropped. [Infinity] */
  readonly maxCalls?: number | undefined;
  /** Calls are of these tools, with arguments that match their sources. [calls are what the model writes] */
  readonly enforced?: EnforcedCalls | undefined;
  /** Tokens of reasoning after which it is ended, without its marks. [it ends where the model ends it] */
  readonly reasoningBudget?: number | undefined;
}

/** The prompt of answers. */
export interface AnsweredPrompt {
  readonly prompt: Prompt;
  readonly promptTokenIds: readonly number[];
}

/** The text of the message that answers continue. */
function continuedText(prompt: Prompt): string | undefined {
  if (prompt.kind !== "chat" || prompt.options?.continueFinalMessage !== true) return undefined;
  return prompt.messages.at(-1)?.content ?? "";
}

/** Content alone is the delta's text. */
function withParts(delta: TokenDelta, { parts, reasoningTokens }: ReadPiece): TokenDelta {
  const counted = reasoningTokens === 0 ? {} : { reasoningTokens };
  const [first] = parts;
  if (parts.length > 1 || (first !== undefined && first.type !== "content")) {
    return { ...delta, text: "", parts, ...counted };
  }
  return { ...delta, text: first?.text ?? "", ...counted };
}

/** Special tokens that stay in the text of answers for their parser. */
export function keptTokenIds(reader: AnswerReader, parts: AnswerParts | undefined): readonly number[] {
  return parts === undefined ? [] : reader.keptTokenIds(parts.tools !== undefined);
}

/** Where a prompt ends. */
export function openAnswerOf(reader: AnswerReader, { prompt, promptTokenIds }: AnsweredPrompt): OpenAnswer {
  const continued = continuedText(prompt);
  const isReasoningOpen = reader.isReasoningOpen(promptTokenIds, continued);
  return { isReasoningOpen, isContentOpen: continued !== undefined && !isReasoningOpen };
}

/**
 * Limits the content of answers, apart from reasoning.
 * @throws EngineRequestError `UNSUPPORTED_PARAMETER` where the content cannot be told from the rest by its tokens
 */
export function limitAnswers(
  constraint: ConstraintPort,
  reader: AnswerReader,
  { isReasoningOpen }: OpenAnswer,
): ConstraintPort {
  const { reasoningTokenIds, specialTokenIds } = reader;
  // The constraint has the marks of the reasoning.
  if (reader.format.reasoning?.writer !== undefined) return constraint;
  if (isReasoningOpen && reasoningTokenIds.ends.size === 0) {
    throw unlimited("the end of the reasoning to be one token of the vocabulary");
  }
  return limitContent(constraint, {
    reasoningStarts: reasoningTokenIds.starts,
    reasoningEnds: reasoningTokenIds.ends,
    isReasoningOpen,
    specialTokenIds,
  });
}

function unlimited(expected: string): EngineRequestError {
  const message = `\`constraint\`: expected ${expected}, got the contrary`;
  return new EngineRequestError({ code: "UNSUPPORTED_PARAMETER", message, param: "constraint" });
}

/** The text that ends the reasoning of answers. @throws EngineRequestError `UNSUPPORTED_PARAMETER` without a format */
export function reasoningEnd({ format }: AnswerReader, parts: AnswerParts | undefined): string {
  const { reasoning } = format;
  if (reasoning !== undefined) {
    const beforeCall =
      parts?.enforced?.isRequired === true ? reasoning.writer?.forcedEndBeforeCall : undefined;
    return beforeCall ?? reasoning.forcedEnd;
  }
  const param = "parts.reasoningBudget";
  const message = `\`${param}\`: expected a model whose format of reasoning is known (see docs/tools.md), got none`;
  throw new EngineRequestError({ code: "UNSUPPORTED_PARAMETER", message, param });
}

/** Ends the reasoning of a prompt's answers after a budget. @param constraint of the answers apart from that */
export function limitBudget(
  constraint: ConstraintPort | undefined,
  reader: AnswerReader,
  budget: AnsweredPrompt & { readonly maxTokens: number; readonly endTokenIds: readonly number[] },
): ConstraintPort {
  const { prompt, promptTokenIds, maxTokens, endTokenIds } = budget;
  const isReasoningOpen = reader.isReasoningOpen(promptTokenIds, continuedText(prompt));
  const track = (): ReasoningTracker => {
    const tracker = reader.trackReasoning({ isReasoningOpen });
    if (tracker !== undefined) return tracker;
    throw new TypeError("expected a reader with a format of reasoning, got one without");
  };
  return limitReasoning(constraint, { maxTokens, endTokenIds, track });
}

/**
 * Creates a function that separates the parts of a prompt's answers, delta by delta; `undefined` where they have
 * content only.
 */
export function openAnswers(
  reader: AnswerReader,
  options: AnswerParts | undefined,
  { prompt, promptTokenIds }: AnsweredPrompt,
): ((delta: TokenDelta) => TokenDelta) | undefined {
  const { reasoning } = reader.format;
  if (options === undefined || (reasoning === undefined && options.tools === undefined)) return undefined;
  const isReasoningOpen = reader.isReasoningOpen(promptTokenIds, continuedText(prompt));
  const readers: ((piece: AnswerPiece) => ReadPiece)[] = [];
  return (delta) => {
    const { index, text, tokenIds, finishReason } = delta;
    const read = (readers[index] ??= reader.open({ ...options, isReasoningOpen }));
    return withParts(delta, read({ text, tokenIds, isLast: finishReason !== undefined }));
  };
}
