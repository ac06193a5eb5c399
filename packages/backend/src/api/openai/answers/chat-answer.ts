import type { FinishReason } from "@infernode/inference";
import type { TokenDelta } from "../../../operations/token-delta.ts";
import { GrowingText } from "../../shared/generation/growing-text.ts";
import { JsonParts } from "../../shared/generation/json-pieces.ts";
import { LogprobStore } from "../../shared/generation/logprob-store.ts";
import { TokenTexts } from "../../shared/generation/token-texts.ts";
import { integerSchema, objectSchema, textSchema, type NamedSchema } from "../../shared/json-schema.ts";
import type { ChoiceWriter } from "./answer-writer.ts";
import { answerSchema, chunkSchema, finishReasonSchema } from "./envelope.ts";
import { chatLogprobsSchema, toChatLogprobs } from "./logprobs.ts";

const object = { whole: "chat.completion", chunk: "chat.completion.chunk" } as const;

const role = "assistant";

function chunkChoice(
  index: number,
  delta: object,
  rest: { readonly logprobs?: object | null; readonly finishReason?: FinishReason } = {},
): string {
  const { logprobs = null, finishReason = null } = rest;
  return JSON.stringify({ index, delta, logprobs, finish_reason: finishReason });
}

/** The chunks of one delta: the role before the first text, the reason of the end after the last one. */
function chunkChoices({ index, text, logprobs, finishReason }: TokenDelta, isFirst: boolean): string[] {
  const choices: string[] = [];
  if (isFirst) choices.push(chunkChoice(index, { role, content: "" }));
  if (logprobs !== undefined && logprobs.length > 0) {
    choices.push(chunkChoice(index, { content: text }, { logprobs: toChatLogprobs(logprobs) }));
  } else if (text !== "") {
    // One for each token: docs/decisions/0012-json-by-hand.md.
    choices.push(
      `{"index":${index},"delta":{"content":${JSON.stringify(text)}},"logprobs":null,"finish_reason":null}`,
    );
  }
  if (finishReason !== undefined) choices.push(chunkChoice(index, {}, { finishReason }));
  return choices;
}

function* contentParts(logprobs: LogprobStore): Generator<readonly unknown[]> {
  for (const part of logprobs.parts()) {
    yield toChatLogprobs(part.filter((entry) => entry !== undefined)).content;
  }
}

class CollectedAnswer {
  readonly #texts: TokenTexts;
  readonly #text = new GrowingText();
  #logprobs: LogprobStore | undefined;
  #finishReason: FinishReason | undefined;

  constructor(texts: TokenTexts) {
    this.#texts = texts;
  }

  add({ text, logprobs, finishReason }: TokenDelta): void {
    this.#text.push(text);
    if (logprobs !== undefined) {
      this.#logprobs ??= new LogprobStore(this.#texts);
      this.#logprobs.add(logprobs);
    }
    this.#finishReason ??= finishReason;
  }

  toChoice(index: number): object {
    const logprobs = this.#logprobs;
    return {
      index,
      message: { role, content: this.#text.toString(), refusal: null },
      logprobs:
        logprobs === undefined ? null : { content: new JsonParts(contentParts(logprobs)), refusal: null },
      finish_reason: this.#finishReason ?? null,
    };
  }
}

/** Creates the writer of `n` answers to one conversation. */
export function createChatWriter(n: number): ChoiceWriter {
  const texts = new TokenTexts();
  const begun = new Set<number>();
  const createAnswers = (): CollectedAnswer[] => Array.from({ length: n }, () => new CollectedAnswer(texts));
  let answers = createAnswers();
  return {
    object,
    chunkChoices({ delta }) {
      const isFirst = !begun.has(delta.index);
      if (isFirst) begun.add(delta.index);
      const choices = chunkChoices(delta, isFirst);
      return choices.length === 0 ? [] : [choices];
    },
    collect: ({ delta }) => answers[delta.index]?.add(delta),
    onRestart: () => {
      answers = createAnswers();
    },
    choices: () => answers.map((answer, index) => answer.toChoice(index)),
  };
}

const choiceEnd = { logprobs: chatLogprobsSchema, finish_reason: finishReasonSchema };

export const chatAnswerSchema: NamedSchema = answerSchema(
  "ChatCompletion",
  object.whole,
  objectSchema({
    index: integerSchema,
    message: objectSchema({ role: { const: role }, content: textSchema, refusal: { type: "null" } }),
    ...choiceEnd,
  }),
);

export const chatChunkSchema: NamedSchema = chunkSchema(
  "ChatCompletionChunk",
  object.chunk,
  objectSchema({
    index: integerSchema,
    delta: objectSchema({ role: { const: role }, content: textSchema }, []),
    ...choiceEnd,
  }),
);
