import type { TokenCandidate, TokenLogprob } from "@infernode/inference";

/** One token in OpenAI's chat format. */
export interface ChatTokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** Log-probabilities in OpenAI's chat format. */
export interface ChatLogprobs {
  readonly content: readonly (ChatTokenLogprob & { readonly top_logprobs: readonly ChatTokenLogprob[] })[];
  readonly refusal: null;
}

/** The four parallel arrays of the older API. */
export interface CompletionLogprobs {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly number[];
  readonly top_logprobs: readonly Readonly<Record<string, number>>[];
  readonly text_offset: readonly number[];
}

/** JSON has no −∞; other servers write this number. */
const lowestLogprob = -9999;

function finite(logprob: number): number {
  return logprob >= lowestLogprob ? logprob : lowestLogprob;
}

function toChatToken({ token, logprob, bytes }: TokenCandidate): ChatTokenLogprob {
  return { token, logprob: finite(logprob), bytes };
}

/** Writes log-probabilities as chat completions have them. */
export function toChatLogprobs(logprobs: readonly TokenLogprob[]): ChatLogprobs {
  return {
    content: logprobs.map((entry) => ({ ...toChatToken(entry), top_logprobs: entry.top.map(toChatToken) })),
    refusal: null,
  };
}

/** A part of a character is written as its bytes, as it has no text of its own: `bytes:\xe2\x82`. */
function completionToken({ token, bytes }: TokenCandidate): string {
  if (!token.includes("\u{fffd}")) return token;
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
}

/** Writes log-probabilities as completions have them, delta after delta of one answer. */
export interface CompletionLogprobsWriter {
  /** The arrays for these tokens only; offsets count on, in Unicode characters from the answer's start. */
  write(logprobs: readonly TokenLogprob[]): CompletionLogprobs;
}

/** Creates a writer for one answer. */
export function createCompletionLogprobsWriter(): CompletionLogprobsWriter {
  const decoder = new TextDecoder();
  let offset = 0;
  return {
    write(logprobs) {
      const textOffset: number[] = [];
      for (const { bytes } of logprobs) {
        textOffset.push(offset);
        offset += Array.from(decoder.decode(Uint8Array.from(bytes), { stream: true })).length;
      }
      return {
        tokens: logprobs.map(completionToken),
        token_logprobs: logprobs.map(({ logprob }) => finite(logprob)),
        top_logprobs: logprobs.map((entry) =>
          Object.fromEntries(
            [...entry.top, entry].map((candidate) => [completionToken(candidate), finite(candidate.logprob)]),
          ),
        ),
        text_offset: textOffset,
      };
    },
  };
}
