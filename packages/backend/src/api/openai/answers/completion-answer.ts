import type { FinishReason } from "@infernode/inference";
import type { PromptLogprobs, TokenDelta } from "../../../operations/token-delta.ts";
import { GrowingText } from "../../../text/growing-text.ts";
import { JsonParts } from "../../shared/generation/json-pieces.ts";
import { LogprobStore } from "../../shared/generation/logprob-store.ts";
import { TokenTexts } from "../../shared/generation/token-texts.ts";
import { integerSchema, objectSchema, textSchema, type NamedSchema } from "../../shared/json-schema.ts";
import type { ChoiceWriter } from "./answer-writer.ts";
import { promptLogprobsField } from "./prompt-logprobs.ts";
import { tokenIdsFields } from "./token-ids.ts";
import { answerSchema, chunkSchema, finishReasonSchema } from "./envelope.ts";
import {
  completionLogprobsSchema,
  countCharacters,
  createCompletionLogprobsWriter,
  createPromptLogprobsWriter,
  type CompletionLogprobs,
  type CompletionLogprobsWriter,
} from "./logprobs.ts";

const object = { whole: "text_completion", chunk: "text_completion" } as const;

/** Tokens of an echoed prompt in one chunk. */
const maxChunkEntries = 64;

/** What answers to a prompt begin with. */
export interface Echo {
  readonly text: string;
  /** The text of the prompt's first token, which has no log-probability. */
  readonly firstToken: string;
}

export const noEcho: Echo = { text: "", firstToken: "" };

/** What the answers to one prompt share. */
interface PromptGround {
  readonly echo: Echo;
  /** The prompt's, where it is echoed with them. */
  readonly promptLogprobs: LogprobStore;
  readonly texts: TokenTexts;
}

type LogprobsField = keyof CompletionLogprobs;

function join(first: CompletionLogprobs | undefined, second: CompletionLogprobs): CompletionLogprobs {
  if (first === undefined) return second;
  return {
    tokens: [...first.tokens, ...second.tokens],
    token_logprobs: [...first.token_logprobs, ...second.token_logprobs],
    top_logprobs: [...first.top_logprobs, ...second.top_logprobs],
    text_offset: [...first.text_offset, ...second.text_offset],
  };
}

/** One of the answers, in chunks or as a whole. */
class CompletionAnswer {
  readonly #index: number;
  readonly #ground: PromptGround;
  readonly #writer: CompletionLogprobsWriter;
  readonly #text: GrowingText;
  readonly #logprobs: LogprobStore;
  #hasLogprobs = false;
  #finishReason: FinishReason | undefined;
  #hasBegun = false;

  constructor(index: number, ground: PromptGround) {
    this.#index = index;
    this.#ground = ground;
    this.#text = new GrowingText(ground.echo.text);
    this.#logprobs = new LogprobStore(ground.texts);
    this.#writer = this.#createWriter();
  }

  add({ text, logprobs, finishReason }: TokenDelta): void {
    this.#text.push(text);
    this.#hasLogprobs ||= logprobs !== undefined;
    if (logprobs !== undefined) this.#logprobs.add(logprobs);
    this.#finishReason ??= finishReason;
  }

  /** The choices of the chunks of one delta; a long prompt that is echoed takes several. */
  chunkChoices(delta: TokenDelta): Iterable<string[]> {
    const { text, logprobs, finishReason } = delta;
    const isText = this.#hasBegun && logprobs === undefined && finishReason === undefined;
    return isText && text !== "" ? [[this.#chunkChoice(text, undefined)]] : this.#choices(delta);
  }

  *#choices({ text, logprobs, finishReason }: TokenDelta): Generator<string[]> {
    let written: CompletionLogprobs | undefined;
    let echo = "";
    if (!this.#hasBegun) {
      echo = this.#ground.echo.text;
      const writer = this.#createPromptWriter();
      for (const part of this.#ground.promptLogprobs.parts(maxChunkEntries)) {
        if (written !== undefined) {
          yield [this.#chunkChoice(echo, written)];
          echo = "";
        }
        written = writer.write(part);
      }
    } else if (text === "" && (logprobs?.length ?? 0) === 0 && finishReason === undefined) {
      return;
    }
    this.#hasBegun = true;
    this.#hasLogprobs ||= logprobs !== undefined;
    const own = logprobs ?? [];
    if (own.length > 0 || (this.#hasLogprobs && finishReason !== undefined)) {
      written = join(written, this.#writer.write(own));
    }
    yield [this.#chunkChoice(echo + text, written, finishReason)];
  }

  #chunkChoice(text: string, logprobs: CompletionLogprobs | undefined, finishReason?: FinishReason): string {
    if (logprobs === undefined && finishReason === undefined) {
      // One for each token: docs/decisions/0012-json-by-hand.md.
      return `{"index":${this.#index},"text":${JSON.stringify(text)},"logprobs":null,"finish_reason":null}`;
    }
    return JSON.stringify({
      index: this.#index,
      text,
      logprobs: logprobs ?? null,
      finish_reason: finishReason ?? null,
    });
  }

  toChoice(): object {
    const parts = (field: LogprobsField): JsonParts => new JsonParts(this.#fieldParts(field));
    const hasLogprobs = this.#hasLogprobs || this.#ground.promptLogprobs.length > 0;
    return {
      index: this.#index,
      text: this.#text.toString(),
      logprobs: hasLogprobs
        ? {
            tokens: parts("tokens"),
            token_logprobs: parts("token_logprobs"),
            top_logprobs: parts("top_logprobs"),
            text_offset: parts("text_offset"),
          }
        : null,
      finish_reason: this.#finishReason ?? null,
    };
  }

  *#fieldParts(field: LogprobsField): Generator<readonly unknown[]> {
    const write = function* (
      parts: Iterable<PromptLogprobs>,
      writer: CompletionLogprobsWriter,
    ): Generator<readonly unknown[]> {
      for (const part of parts) yield writer.writeField(field, part);
    };
    yield* write(this.#ground.promptLogprobs.parts(), this.#createPromptWriter());
    yield* write(this.#logprobs.parts(), this.#createWriter());
  }

  #createWriter(): CompletionLogprobsWriter {
    return createCompletionLogprobsWriter(countCharacters(this.#ground.echo.text));
  }

  #createPromptWriter(): CompletionLogprobsWriter {
    const { text, firstToken } = this.#ground.echo;
    return createPromptLogprobsWriter(text, firstToken);
  }
}

/** Creates the writer of `n` answers to each of several prompts, one for each echo. */
export function createCompletionWriter(
  echoes: readonly Echo[],
  { n, hasLogprobs }: { readonly n: number; readonly hasLogprobs: boolean },
): ChoiceWriter {
  const texts = new TokenTexts();
  const groundOf = (echo: Echo): PromptGround => ({ echo, texts, promptLogprobs: new LogprobStore(texts) });
  const answersTo = (promptIndex: number, ground: PromptGround): readonly CompletionAnswer[] =>
    Array.from({ length: n }, (_, index) => new CompletionAnswer(promptIndex * n + index, ground));
  const grounds = echoes.map(groundOf);
  const answers = grounds.flatMap((ground, promptIndex) => answersTo(promptIndex, ground));
  return {
    object,
    chunkChoices: ({ requestIndex, delta }) =>
      answers[requestIndex * n + delta.index]?.chunkChoices(delta) ?? [],
    collect: ({ requestIndex, delta }) => answers[requestIndex * n + delta.index]?.add(delta),
    onPromptLogprobs(requestIndex, logprobs) {
      if (hasLogprobs) grounds[requestIndex]?.promptLogprobs.add(logprobs);
    },
    onRestart(requestIndex) {
      const ground = groundOf(echoes[requestIndex] ?? noEcho);
      grounds[requestIndex] = ground;
      answers.splice(requestIndex * n, n, ...answersTo(requestIndex, ground));
    },
    choices: () => answers.map((answer) => answer.toChoice()),
  };
}

const choiceFields = {
  index: integerSchema,
  text: textSchema,
  logprobs: completionLogprobsSchema,
  finish_reason: finishReasonSchema,
};
const choiceSchema = objectSchema(
  { ...choiceFields, ...tokenIdsFields, ...promptLogprobsField },
  Object.keys(choiceFields),
);

export const completionAnswerSchema: NamedSchema = answerSchema("Completion", object.whole, choiceSchema);
export const completionChunkSchema: NamedSchema = chunkSchema("CompletionChunk", object.chunk, choiceSchema);
