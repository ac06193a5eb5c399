import type { PromptLogprobs, TokenCandidate, TokenLogprob } from "../../../operations/token-delta.ts";
import {
  arraySchema,
  integerSchema,
  numberSchema,
  objectSchema,
  orNullSchema,
  textSchema,
  type JsonMap,
} from "../../shared/json-schema.ts";

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

const tokenFields: JsonMap = { token: textSchema, logprob: numberSchema, bytes: arraySchema(integerSchema) };

export const chatLogprobsSchema: JsonMap = orNullSchema(
  objectSchema({
    content: arraySchema(
      objectSchema({ ...tokenFields, top_logprobs: arraySchema(objectSchema(tokenFields)) }),
    ),
    refusal: { type: "null" },
  }),
);

export const completionLogprobsSchema: JsonMap = orNullSchema(
  objectSchema({
    tokens: arraySchema(textSchema),
    token_logprobs: arraySchema({ type: ["number", "null"] }),
    top_logprobs: arraySchema({ type: ["object", "null"], additionalProperties: numberSchema }),
    text_offset: arraySchema(integerSchema),
  }),
);

/** JSON has no −∞; other servers write this number. */
const lowestLogprob = -9999;

/** A log-probability that JSON can have. */
export function finite(logprob: number): number {
  return logprob >= lowestLogprob ? logprob : lowestLogprob;
}

function toChatToken({ token, logprob, bytes }: TokenCandidate): ChatTokenLogprob {
  return { token, logprob: finite(logprob), bytes };
}

/** Writes log-probabilities as chat completions have them. */
export function toChatLogprobs(logprobs: readonly TokenLogprob[]): ChatLogprobs {
  return {
    content: logprobs.map(({ token, logprob, bytes, top }) => ({
      token,
      logprob: finite(logprob),
      bytes,
      top_logprobs: top.map(toChatToken),
    })),
    refusal: null,
  };
}

/** A part of a character has no text and is written as its bytes: `bytes:\xe2\x82`. */
function completionToken({ token, bytes }: TokenCandidate): string {
  if (!token.includes("\u{fffd}")) return token;
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
}

/** Writes log-probabilities as completions have them, part by part of one text. */
export interface CompletionLogprobsWriter {
  /** The arrays for these tokens only; offsets continue, in Unicode characters from the start of the text. */
  write(logprobs: PromptLogprobs): CompletionLogprobs;
  /** One of the arrays. */
  writeField<Field extends keyof CompletionLogprobs>(
    field: Field,
    logprobs: PromptLogprobs,
  ): CompletionLogprobs[Field];
}

/** Counts Unicode characters. */
export function countCharacters(text: string): number {
  return Array.from(text).length;
}

function completionTop(entry: TokenLogprob): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...entry.top, entry].map((candidate) => [completionToken(candidate), finite(candidate.logprob)]),
  );
}

interface WrittenText {
  readonly firstToken: string;
  readonly lengthOf: (entry: TokenLogprob | undefined) => number;
  start: number;
}

function createWriter(about: WrittenText): CompletionLogprobsWriter {
  const fields: {
    readonly [Field in keyof CompletionLogprobs]: (logprobs: PromptLogprobs) => CompletionLogprobs[Field];
  } = {
    tokens: (logprobs) =>
      logprobs.map((entry) => (entry === undefined ? about.firstToken : completionToken(entry))),
    token_logprobs: (logprobs) =>
      logprobs.map((entry) => (entry === undefined ? null : finite(entry.logprob))),
    top_logprobs: (logprobs) => logprobs.map((entry) => (entry === undefined ? null : completionTop(entry))),
    text_offset: (logprobs) =>
      logprobs.map((entry) => {
        const offset = about.start;
        about.start += about.lengthOf(entry);
        return offset;
      }),
  };
  return {
    write: (logprobs) => ({
      tokens: fields.tokens(logprobs),
      token_logprobs: fields.token_logprobs(logprobs),
      top_logprobs: fields.top_logprobs(logprobs),
      text_offset: fields.text_offset(logprobs),
    }),
    writeField: (field, logprobs) => fields[field](logprobs),
  };
}

/** Creates a writer for one answer, which begins `start` characters after the start of the text. */
export function createCompletionLogprobsWriter(start = 0): CompletionLogprobsWriter {
  const decoder = new TextDecoder();
  const lengthOf = (entry: TokenLogprob | undefined): number =>
    countCharacters(decoder.decode(Uint8Array.from(entry?.bytes ?? []), { stream: true }));
  return createWriter({ firstToken: "", lengthOf, start });
}

/**
 * Creates a writer for an echoed prompt. Its tokens are searched in the text one after the other: one that the
 * tokenizer added, such as `<s>` or the space before the first word, has no length in it.
 * @param firstToken text of the first token, which has no log-probability
 */
export function createPromptLogprobsWriter(text: string, firstToken: string): CompletionLogprobsWriter {
  const decoder = new TextDecoder();
  let position = 0;
  const lengthOf = (entry: TokenLogprob | undefined): number => {
    // A special token has no bytes; in the text it is spelled out.
    const isSpelled = entry === undefined || entry.bytes.length === 0;
    const token = isSpelled
      ? (entry?.token ?? firstToken)
      : decoder.decode(Uint8Array.from(entry.bytes), { stream: true });
    const found = [token, token.trimStart()].find((each) => text.startsWith(each, position));
    const taken = found ?? (isSpelled ? "" : token);
    position += taken.length;
    return countCharacters(taken);
  };
  return createWriter({ firstToken, lengthOf, start: 0 });
}
