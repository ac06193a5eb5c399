import type { PromptLogprobs, TokenCandidate, TokenLogprob } from "../../../operations/token-delta.ts";
import { JsonParts } from "../../shared/generation/json-pieces.ts";
import { LogprobStore } from "../../shared/generation/logprob-store.ts";
import { TokenTexts } from "../../shared/generation/token-texts.ts";
import {
  arraySchema,
  integerSchema,
  numberSchema,
  objectSchema,
  orNullSchema,
  textSchema,
  type JsonMap,
} from "../../shared/json-schema.ts";
import type { ChoiceWriter } from "./answer-writer.ts";
import { finite } from "./logprobs.ts";

/** The field that is added, in schemas. */
export const promptLogprobsField: JsonMap = {
  prompt_logprobs: arraySchema(
    orNullSchema({
      type: "object",
      additionalProperties: objectSchema({
        logprob: numberSchema,
        rank: integerSchema,
        decoded_token: textSchema,
      }),
    }),
  ),
};

/** How log-probabilities of prompts are added. */
export interface PromptLogprobsOptions {
  /** Answers to each prompt. */
  readonly n: number;
  /** Alternatives for each token. */
  readonly count: number;
  /** Alternatives that an echoed prompt has in the log-probabilities of the answer. [it is not echoed] */
  readonly echoCount: number | undefined;
  /** Where vLLM has them: in each choice, or once in the answer. */
  readonly place: "choices" | "answer";
}

function memberOf({ tokenId, token, logprob }: TokenCandidate, rank: number | undefined): string {
  return `"${tokenId}":${JSON.stringify({ logprob: finite(logprob), rank, decoded_token: token })}`;
}

/** By token id, the prompt's own first, as vLLM has it. As text: objects would have their ids in ascending order. */
function writeEntry(entry: TokenLogprob | undefined): string {
  if (entry === undefined) return "null";
  const members = [memberOf(entry, entry.rank)];
  for (const [at, each] of entry.top.entries()) {
    if (each.tokenId !== entry.tokenId) members.push(memberOf(each, at + 1));
  }
  return `{${members.join(",")}}`;
}

function* writeParts(store: LogprobStore): Generator<readonly string[]> {
  for (const part of store.parts()) yield part.map(writeEntry);
}

function limited(logprobs: PromptLogprobs, count: number): PromptLogprobs {
  return logprobs.map((entry) => entry && Object.assign({}, entry, { top: entry.top.slice(0, count) }));
}

/** Adds to a whole answer the log-probabilities of its prompts, as vLLM has them: `prompt_logprobs`. */
export function withPromptLogprobs(writer: ChoiceWriter, options: PromptLogprobsOptions): ChoiceWriter {
  const { n, count, echoCount, place } = options;
  const texts = new TokenTexts();
  const stores = new Map<number, LogprobStore>();
  const fieldOf = (requestIndex: number): object => {
    const store = stores.get(requestIndex) ?? new LogprobStore(texts);
    return { prompt_logprobs: new JsonParts(writeParts(store), { isText: true }) };
  };
  return {
    ...writer,
    onPromptLogprobs: (requestIndex, logprobs) => {
      const store = stores.get(requestIndex) ?? new LogprobStore(texts);
      stores.set(requestIndex, store);
      store.add(limited(logprobs, count));
      if (echoCount !== undefined) writer.onPromptLogprobs?.(requestIndex, limited(logprobs, echoCount));
    },
    onRestart: (requestIndex) => {
      stores.delete(requestIndex);
      writer.onRestart?.(requestIndex);
    },
    choices: () => {
      const choices = writer.choices();
      if (place === "answer") return choices;
      return choices.map((choice, index) => Object.assign({}, choice, fieldOf(Math.floor(index / n))));
    },
    answerFields: () => ({ ...writer.answerFields?.(), ...(place === "answer" && fieldOf(0)) }),
  };
}
