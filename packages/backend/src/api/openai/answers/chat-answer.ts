import { TokenTexts } from "../../shared/generation/token-texts.ts";
import {
  arraySchema,
  integerSchema,
  objectSchema,
  textOrNullSchema,
  textSchema,
  type JsonMap,
  type NamedSchema,
} from "../../shared/json-schema.ts";
import type { ChoiceWriter } from "./answer-writer.ts";
import { role } from "./chat-parts.ts";
import { CollectedAnswer } from "./collected-chat.ts";
import { answerSchema, chunkSchema } from "./envelope.ts";
import { chatLogprobsSchema } from "./logprobs.ts";
import { tokenIdsFields } from "./token-ids.ts";
import { StreamedAnswer } from "./streamed-chat.ts";

const object = { whole: "chat.completion", chunk: "chat.completion.chunk" } as const;

/** What the writer of a conversation's answers is created with. */
export interface ChatWriterOptions {
  /** Answers. */
  readonly n: number;
  /** Writes the reasoning too. */
  readonly hasReasoning: boolean;
}

/** Creates the writer of the answers to one conversation. */
export function createChatWriter({ n, hasReasoning }: ChatWriterOptions): ChoiceWriter {
  const texts = new TokenTexts();
  const create = <Answer>(make: (index: number) => Answer): Answer[] =>
    Array.from({ length: n }, (_, index) => make(index));
  const collected = (): CollectedAnswer[] => create(() => new CollectedAnswer(texts, hasReasoning));
  const streamed = create((index) => new StreamedAnswer(index, hasReasoning));
  let answers = collected();
  return {
    object,
    chunkChoices({ delta }) {
      const choices = streamed[delta.index]?.choices(delta) ?? [];
      return choices.length === 0 ? [] : [choices];
    },
    collect: ({ delta }) => answers[delta.index]?.add(delta),
    onRestart: () => {
      answers = collected();
    },
    choices: () => answers.map((answer, index) => answer.toChoice(index)),
  };
}

const functionSchema = objectSchema({ name: textSchema, arguments: textSchema });
const toolCallFields = { id: textSchema, type: { const: "function" }, function: functionSchema };
const reasoningFields = { reasoning_content: textSchema, reasoning: textSchema };
const messageFields = { role: { const: role }, content: textOrNullSchema, refusal: { type: "null" } };
const deltaCallSchema = objectSchema(
  {
    index: integerSchema,
    ...toolCallFields,
    function: objectSchema({ name: textSchema, arguments: textSchema }, ["arguments"]),
  },
  ["index", "function"],
);

const choiceEnd = {
  logprobs: chatLogprobsSchema,
  finish_reason: { enum: ["stop", "length", "tool_calls", null] },
};

function choiceSchema(fields: JsonMap): JsonMap {
  return objectSchema({ ...fields, token_ids: tokenIdsFields["token_ids"] }, Object.keys(fields));
}

export const chatAnswerSchema: NamedSchema = answerSchema(
  "ChatCompletion",
  object.whole,
  choiceSchema({
    index: integerSchema,
    message: objectSchema(
      {
        ...messageFields,
        ...reasoningFields,
        tool_calls: arraySchema(objectSchema(toolCallFields)),
      },
      Object.keys(messageFields),
    ),
    ...choiceEnd,
  }),
);

export const chatChunkSchema: NamedSchema = chunkSchema(
  "ChatCompletionChunk",
  object.chunk,
  choiceSchema({
    index: integerSchema,
    delta: objectSchema(
      {
        role: { const: role },
        content: textSchema,
        ...reasoningFields,
        tool_calls: arraySchema(deltaCallSchema),
      },
      [],
    ),
    ...choiceEnd,
  }),
);
