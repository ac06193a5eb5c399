import type { FinishReason, GenerationUsage } from "@infernode/inference";
import { isRecord } from "../../is-record.ts";
import type { TokenDelta, TokenLogprob } from "../../operations/token-delta.ts";
import { parseLogprobs } from "./parse-logprobs.ts";
import { protocolError, toRemoteError } from "./remote-error.ts";
import type { Dialect } from "./dialect.ts";

/** One event of an answer. */
export interface AnswerChunk {
  readonly deltas: readonly TokenDelta[];
  readonly usage: GenerationUsage | undefined;
}

/** The parts of the request that are needed to parse its answer. */
export interface AskedFor {
  /** Answers. */
  readonly n: number;
  /** Alternatives per token; `undefined` without log-probabilities. */
  readonly logprobs: number | undefined;
  readonly dialect: Dialect;
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
  throw protocolError('a finish reason of "stop" or "length"', show(value));
}

/** Parts of an answer that no event carries yet; dropping them would change the answer. */
const foreignParts = ["reasoning_content", "reasoning", "tool_calls", "function_call", "refusal", "audio"];

function parseText(choice: Readonly<Record<string, unknown>>): string {
  const { delta } = choice;
  const part = isRecord(delta) ? delta["content"] : choice["text"];
  if (isRecord(delta)) {
    for (const name of foreignParts) {
      const value = delta[name];
      const isEmpty =
        value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
      if (!isEmpty) throw protocolError("an answer of text alone", `\`${name}\``);
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

function parseChoice(choice: unknown, { n, logprobs: alternatives }: AskedFor): TokenDelta {
  if (!isRecord(choice)) throw protocolError("a choice", show(choice));
  const { index = 0, token_ids: ids, stop_reason: stopReason } = choice;
  if (!isCount(index) || index >= n) throw protocolError(`an index of 0 to ${n - 1}`, show(index));
  const parsed = alternatives === undefined ? [] : parseLogprobs(choice["logprobs"], alternatives);
  const tokenIds = parseTokenIds(ids, parsed);
  const isAligned = tokenIds.length === parsed.length;
  return {
    index,
    text: parseText(choice),
    tokenIds,
    logprobs:
      alternatives === undefined || parsed.length === 0
        ? undefined
        : parsed.map((entry, at) => (isAligned ? Object.assign(entry, { tokenId: tokenIds[at] }) : entry)),
    finishReason: parseFinishReason(choice["finish_reason"]),
    stopReason: typeof stopReason === "string" || isCount(stopReason) ? stopReason : undefined,
  };
}

function parseUsage(value: unknown): GenerationUsage | undefined {
  if (value === null || value === undefined) return undefined;
  const { prompt_tokens: promptTokens, completion_tokens: completionTokens = 0 } = isRecord(value)
    ? value
    : {};
  if (!isRecord(value) || !isCount(promptTokens) || !isCount(completionTokens)) {
    throw protocolError("a usage with counts of tokens", show(value));
  }
  const details = value["prompt_tokens_details"];
  const cached = isRecord(details) ? details["cached_tokens"] : undefined;
  return { promptTokens, completionTokens, cachedPromptTokens: isCount(cached) ? cached : 0 };
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
