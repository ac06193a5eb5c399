import type { FinishReason } from "@infernode/inference";
import type { PromptLogprobs, TokenDelta } from "../../../operations/token-delta.ts";
import { withCommas } from "./answer-head.ts";
import {
  countCharacters,
  createCompletionLogprobsWriter,
  createPromptLogprobsWriter,
  type CompletionLogprobs,
  type CompletionLogprobsWriter,
} from "./logprobs.ts";
import { GrowingText } from "../../shared/generation/growing-text.ts";
import { LogprobStore } from "../../shared/generation/logprob-store.ts";
import type { TokenTexts } from "../../shared/generation/token-texts.ts";

/** Tokens of an echoed prompt in one piece of a stream. */
const maxPieceEntries = 64;
const logprobsFields = ["tokens", "token_logprobs", "top_logprobs", "text_offset"] as const;

/** What answers begin with. */
export interface Echo {
  readonly text: string;
  /** The text of the prompt's first token, which has no log-probability. */
  readonly firstToken: string;
}

/** What answers to one prompt have in common. */
export interface AnswerGround {
  readonly echo: Echo;
  /** The prompt's, where it is echoed with them. */
  readonly promptLogprobs: LogprobStore;
  readonly texts: TokenTexts;
}

/** JSON text of the elements of one field. */
function toElements(logprobs: CompletionLogprobs, field: (typeof logprobsFields)[number]): string {
  return JSON.stringify(logprobs[field]).slice(1, -1);
}

/** One of the answers, whole or piece by piece. */
export class CompletionAnswer {
  readonly #ground: AnswerGround;
  readonly #writer: CompletionLogprobsWriter;
  readonly #text: GrowingText;
  readonly #logprobs: LogprobStore;
  #hasLogprobs = false;
  #finishReason: FinishReason | undefined;
  #hasBegun = false;

  constructor(ground: AnswerGround) {
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

  /** What was added since the last time; a long prompt that is echoed takes several pieces. */
  *takePieces(index: number): Generator<string> {
    const written: CompletionLogprobs[] = [];
    if (!this.#hasBegun) {
      const writer = this.#createPromptWriter();
      for (const part of this.#ground.promptLogprobs.parts(maxPieceEntries)) {
        const [previous] = written.splice(0);
        if (previous !== undefined) {
          yield toPiece(index, { text: this.#text.take(), written: [previous], finishReason: undefined });
        }
        written.push(writer.write(part));
      }
    }
    for (const part of this.#logprobs.parts()) written.push(this.#writer.write(part));
    this.#logprobs.clear();
    const isEmpty = this.#text.isEmpty && written.length === 0 && this.#finishReason === undefined;
    if (isEmpty && this.#hasBegun) return;
    this.#hasBegun = true;
    const hasLogprobs = written.length > 0 || (this.#hasLogprobs && this.#finishReason !== undefined);
    const text = this.#text.take();
    yield toPiece(index, {
      text,
      written: hasLogprobs ? written : undefined,
      finishReason: this.#finishReason,
    });
  }

  /** The whole, each part made when it is asked for. */
  *toChoice(index: number): Generator<string> {
    yield `{"index":${index},"text":${JSON.stringify(this.#text.toString())},"logprobs":`;
    const hasLogprobs = this.#hasLogprobs || this.#ground.promptLogprobs.length > 0;
    if (!hasLogprobs) {
      yield "null";
    } else {
      for (const [position, field] of logprobsFields.entries()) {
        yield `${position === 0 ? "{" : ","}"${field}":[`;
        yield* withCommas(this.#elements(field));
        yield "]";
      }
      yield "}";
    }
    yield `,"finish_reason":${JSON.stringify(this.#finishReason ?? null)}}`;
  }

  *#elements(field: (typeof logprobsFields)[number]): Generator<string> {
    const write = function* (
      parts: Iterable<PromptLogprobs>,
      writer: CompletionLogprobsWriter,
    ): Generator<string> {
      for (const part of parts) yield JSON.stringify(writer.writeField(field, part)).slice(1, -1);
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

function toPiece(
  index: number,
  piece: {
    readonly text: string;
    /** Parts of log-probabilities; `undefined` for none. */
    readonly written: readonly CompletionLogprobs[] | undefined;
    readonly finishReason: FinishReason | undefined;
  },
): string {
  const { text, written, finishReason } = piece;
  const fields = logprobsFields.map(
    (field) => `"${field}":[${written?.map((each) => toElements(each, field)).join(",") ?? ""}]`,
  );
  const logprobs = written === undefined ? "null" : `{${fields.join(",")}}`;
  return `{"index":${index},"text":${JSON.stringify(text)},"logprobs":${logprobs},"finish_reason":${JSON.stringify(finishReason ?? null)}}`;
}
