import type { FinishReason } from "@infernode/inference";
import { isRecord } from "../../is-record.ts";
import type { AnswerPart } from "../../parsers/part-sink.ts";
import type { AnswerUsage, TokenDelta, TokenLogprob } from "../../operations/token-delta.ts";
import { parseLogprobs } from "./parse-logprobs.ts";
import { protocolError, toRemoteError } from "./remote-error.ts";
import type { Dialect } from "./dialect.ts";
import type { RemoteParts } from "./remote-parts.ts";

/** One event of an answer. */
export interface AnswerChunk {
  readonly deltas: readonly TokenDelta[];
  readonly usage: AnswerUsage | undefined;
}

/** The parts of the request that are needed to parse its answer. */
export interface AskedFor {
  /** Answers. */
  readonly n: number;
  /** Alternatives per token; `undefined` without log-probabilities. */
  readonly logprobs: number | undefined;
  readonly dialect: Dialect;
  /** Of each answer. */
  readonly parts: readonly RemoteParts[];
}

function show(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? "nothing";
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function parseFinishReason(value: unknown): FinishReason | undefined {
  if (value === null || value === undefined || value === "") return undefined;
  if (value === "stop" || value === "length") return value;
  if (value === "tool_calls") return "stop";
  throw protocolError('a finish reason of "stop", "length" or "tool_calls"', show(value));
}

/** Parts of an answer that no event carries; dropping them would change the answer. */
const foreignParts = ["function_call", "refusal", "audio"];

function parseText(choice: Readonly<Record<string, unknown>>): string {
  const { delta } = choice;
  const part = isRecord(delta) ? delta["content"] : choice["text"];
  if (isRecord(delta)) {
    for (const name of foreignParts) {
      const value = delta[name];
      const isEmpty =
        value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
      if (!isEmpty) throw protocolError("an answer of text, reasoning and calls", `\`${name}\``);
    }
  }
  if (typeof part === "string") return part;
  if (part === null || part === undefined) return "";
  throw protocolError("text", show(part));
}

function parseTokenIds(value: unknown, logprobs: readonly TokenLogprob[]): readonly number[] {
  if (Array.isArray(value) && value.every(isCount)) return value;
  const ids = logprobs.flatMap(({ tokenId }) => tokenId ?? []);
  return ids.length === logprobs.length ? ids : [];
}

/** Content alone is the delta's text. */
function parseParts(
  choice: Readonly<Record<string, unknown>>,
  answer: RemoteParts | undefined,
  finishReason: FinishReason | undefined,
): Pick<TokenDelta, "text" | "parts"> {
  const text = parseText(choice);
  const { delta } = choice;
  if (!isRecord(delta) || answer === undefined) return { text };
  const { before, after } = answer.read(delta);
  if (finishReason !== undefined) after.push(...answer.end());
  if (before.length === 0 && after.length === 0) return { text };
  const content: readonly AnswerPart[] = text === "" ? [] : [{ type: "content", text }];
  return { text: "", parts: [...before, ...content, ...after] };
}

function parseChoice(choice: unknown, { n, logprobs: alternatives, parts }: AskedFor): TokenDelta {
  if (!isRecord(choice)) throw protocolError("a choice", show(choice));
  const { index = 0, token_ids: ids, stop_reason: stopReason } = choice;
  if (!isCount(index) || index >= n) throw protocolError(`an index of 0 to ${n - 1}`, show(index));
  const parsed = alternatives === undefined ? [] : parseLogprobs(choice["logprobs"], alternatives);
  const tokenIds = parseTokenIds(ids, parsed);
  const isAligned = tokenIds.length === parsed.length;
  const finishReason = parseFinishReason(choice["finish_reason"]);
  return {
    index,
    ...parseParts(choice, parts[index], finishReason),
    tokenIds,
    logprobs:
      alternatives === undefined || parsed.length === 0
        ? undefined
        : parsed.map((entry, at) => (isAligned ? Object.assign(entry, { tokenId: tokenIds[at] }) : entry)),
    finishReason,
    stopReason: typeof stopReason === "string" || isCount(stopReason) ? stopReason : undefined,
  };
}

function tokensIn(details: unknown, name: string): number {
  const count = isRecord(details) ? details[name] : undefined;
  return isCount(count) ? count : 0;
}

function parseUsage(value: unknown): AnswerUsage | undefined {
  if (value === null || value === undefined) return undefined;
  const { prompt_tokens: promptTokens, completion_tokens: completionTokens = 0 } = isRecord(value)
    ? value
    : {};
  if (!isRecord(value) || !isCount(promptTokens) || !isCount(completionTokens)) {
    throw protocolError("a usage with counts of tokens", show(value));
  }
  const details = value["completion_tokens_details"];
  return {
    promptTokens,
    completionTokens,
    cachedPromptTokens: tokensIn(value["prompt_tokens_details"], "cached_tokens"),
    reasoningTokens: tokensIn(details, "reasoning_tokens"),
    ...(isRecord(details) &&
      "accepted_prediction_tokens" in details && {
        prediction: {
          acceptedTokens: tokensIn(details, "accepted_prediction_tokens"),
          rejectedTokens: tokensIn(details, "rejected_prediction_tokens"),
        },
      }),
  };
}

/**
 * Parses one event of an answer.
 * @throws BackendError `ENGINE_PROTOCOL` if it is invalid; the error that the event reports
 */
export function parseChunk(data: string, asked: AskedFor): AnswerChunk {
  let chunk: unknown;
  try {
    chunk = JSON.parse(data);
  } catch (cause) {
    throw protocolError("an event of JSON", "something else", cause);
  }
  if (!isRecord(chunk)) throw protocolError("an event with choices", show(chunk));
  if (chunk["error"] !== undefined && chunk["error"] !== null) {
    throw toRemoteError({ status: undefined, body: chunk, dialect: asked.dialect });
  }
  const { choices = [] } = chunk;
  if (!Array.isArray(choices)) throw protocolError("an event with choices", show(choices));
  return {
    deltas: choices.map((choice) => parseChoice(choice, asked)),
    usage: parseUsage(chunk["usage"]),
  };
}
