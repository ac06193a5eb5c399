import { isRecord } from "../../is-record.ts";
import type { TokenCandidate, TokenLogprob } from "../../operations/token-delta.ts";
import { protocolError } from "./remote-error.ts";

/** Longer than any token of a vocabulary. */
const maxTokenCharacters = 4096;
const bytesPattern = /^bytes:((?:\\x[0-9a-f]{2})+)$/i;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function wrong(got: unknown): Error {
  return protocolError(
    "log-probabilities as OpenAI's API has them",
    JSON.stringify(got)?.slice(0, 80) ?? "nothing",
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= maxTokenCharacters;
}

function isByte(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255;
}

function parseCandidate(value: unknown): TokenCandidate {
  if (!isRecord(value)) throw wrong(value);
  const { token, logprob, bytes, id } = value;
  if (!isText(token) || typeof logprob !== "number") throw wrong(value);
  const isTold = Array.isArray(bytes) && bytes.length <= maxTokenCharacters && bytes.every(isByte);
  return {
    // Reported by llama.cpp only.
    tokenId: Number.isInteger(id) ? (id as number) : undefined,
    token,
    bytes: isTold ? bytes : [...encoder.encode(token)],
    logprob,
  };
}

/** Parses `logprobs.content` of chats; llama.cpp uses it for completions too. */
function parseContent(content: readonly unknown[], alternatives: number): TokenLogprob[] {
  return content.map((entry) => {
    const top = isRecord(entry) ? (entry["top_logprobs"] ?? []) : undefined;
    if (!Array.isArray(top)) throw wrong(entry);
    return { ...parseCandidate(entry), rank: undefined, top: top.slice(0, alternatives).map(parseCandidate) };
  });
}

/** Parses a token; a part of a character is written as its bytes: `bytes:\xe2\x82`. */
function fromText(text: string, logprob: unknown): TokenCandidate {
  if (!isText(text) || typeof logprob !== "number") throw wrong({ text, logprob });
  const hex = bytesPattern.exec(text)?.[1];
  if (hex === undefined) {
    return { tokenId: undefined, token: text, bytes: [...encoder.encode(text)], logprob };
  }
  const bytes = hex
    .split("\\x")
    .slice(1)
    .map((byte) => Number.parseInt(byte, 16));
  return { tokenId: undefined, token: decoder.decode(Uint8Array.from(bytes)), bytes, logprob };
}

/** Parses the parallel arrays of completions; the alternatives include the token itself. */
function parseArrays(logprobs: Readonly<Record<string, unknown>>, alternatives: number): TokenLogprob[] {
  const { tokens, token_logprobs: values, top_logprobs: tops } = logprobs;
  if (!Array.isArray(tokens) || !Array.isArray(values) || values.length !== tokens.length) {
    throw wrong(logprobs);
  }
  return tokens.map((token: unknown, at) => {
    const top: unknown = Array.isArray(tops) ? (tops[at] ?? {}) : {};
    if (!isText(token) || !isRecord(top)) throw wrong(logprobs);
    const candidates = Object.entries(top)
      .map(([text, logprob]) => fromText(text, logprob))
      .toSorted((a, b) => b.logprob - a.logprob);
    return Object.assign(fromText(token, values[at]), {
      rank: undefined,
      top: candidates.slice(0, alternatives),
    });
  });
}

/**
 * Parses log-probabilities, with at most this many alternatives per token.
 * @throws BackendError `ENGINE_PROTOCOL`
 */
export function parseLogprobs(value: unknown, alternatives: number): readonly TokenLogprob[] {
  if (value === null || value === undefined) return [];
  if (!isRecord(value)) throw wrong(value);
  const { content } = value;
  if (Array.isArray(content)) return parseContent(content, alternatives);
  return content === null ? [] : parseArrays(value, alternatives);
}
