import type { PromptLogprobs, TokenCandidate, TokenLogprob } from "@infernode/inference";

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
  /** `null` for the first token of an echoed prompt, as nothing comes before it. */
  readonly token_logprobs: readonly (number | null)[];
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
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
  /** The arrays for an echoed prompt; offsets count in Unicode characters from its start. */
  writePrompt(
    logprobs: PromptLogprobs,
    echo: { readonly text: string; readonly firstToken: string },
  ): CompletionLogprobs;
  /** The arrays for these tokens only; offsets count on. */
  write(logprobs: readonly TokenLogprob[]): CompletionLogprobs;
}

function countCharacters(text: string): number {
  return Array.from(text).length;
}

function completionTop(entry: TokenLogprob): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...entry.top, entry].map((candidate) => [completionToken(candidate), finite(candidate.logprob)]),
  );
}

/** Where each token of a prompt begins. What stands before the text, such as `<s>`, begins where the text does. */
function promptOffsets(logprobs: PromptLogprobs, text: string): number[] {
  const decoder = new TextDecoder();
  const lengths = logprobs.map((entry) => {
    if (entry === undefined) return 0;
    // A special token has no bytes; where it is in the text, it is spelled out.
    return entry.bytes.length === 0
      ? countCharacters(entry.token)
      : countCharacters(decoder.decode(Uint8Array.from(entry.bytes), { stream: true }));
  });
  let offset = countCharacters(text) - lengths.reduce((sum, length) => sum + length, 0);
  return lengths.map((length, index) => {
    const start = index === 0 ? 0 : Math.max(0, offset);
    offset += length;
    return start;
  });
}

/** Creates a writer for one answer. */
export function createCompletionLogprobsWriter(): CompletionLogprobsWriter {
  const decoder = new TextDecoder();
  let offset = 0;
  return {
    writePrompt(logprobs, { text, firstToken }) {
      offset = countCharacters(text);
      return {
        tokens: logprobs.map((entry) => (entry === undefined ? firstToken : completionToken(entry))),
        token_logprobs: logprobs.map((entry) => (entry === undefined ? null : finite(entry.logprob))),
        top_logprobs: logprobs.map((entry) => (entry === undefined ? null : completionTop(entry))),
        text_offset: promptOffsets(logprobs, text),
      };
    },
    write(logprobs) {
      const textOffset: number[] = [];
      for (const { bytes } of logprobs) {
        textOffset.push(offset);
        offset += countCharacters(decoder.decode(Uint8Array.from(bytes), { stream: true }));
      }
      return {
        tokens: logprobs.map(completionToken),
        token_logprobs: logprobs.map(({ logprob }) => finite(logprob)),
        top_logprobs: logprobs.map(completionTop),
        text_offset: textOffset,
      };
    },
  };
}
