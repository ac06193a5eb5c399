import type { FinishReason, PromptLogprobs, TokenDelta } from "@infernode/inference";
import { withCommas } from "../openai/answer-head.ts";
import { createCompletionLogprobsWriter, type CompletionLogprobs } from "../openai/logprobs.ts";

/** What an answer begins with. */
export interface Echo {
  readonly text: string;
  /** The text of the prompt's first token, which has no log-probability. */
  readonly firstToken: string;
}

const logprobsFields = ["tokens", "token_logprobs", "top_logprobs", "text_offset"] as const;

/** One of the answers, whole or piece by piece. */
export class CompletionAnswer {
  readonly #logprobsWriter = createCompletionLogprobsWriter();
  /** For each field the JSON text of its elements, made as they come. */
  readonly #logprobs = logprobsFields.map((): string[] => []);
  #hasLogprobs = false;
  readonly #echo: Echo;
  #text: string;
  #finishReason: FinishReason | undefined;
  #hasBegun = false;

  constructor(echo: Echo) {
    this.#echo = echo;
    this.#text = echo.text;
  }

  /** Puts the prompt's tokens before those of the answer; once, and first. */
  addPrompt(logprobs: PromptLogprobs): void {
    this.#hasLogprobs = true;
    this.#push(this.#logprobsWriter.writePrompt(logprobs, this.#echo));
  }

  add({ text, logprobs, finishReason }: TokenDelta): void {
    this.#text += text;
    this.#hasLogprobs ||= logprobs !== undefined;
    if (logprobs !== undefined && logprobs.length > 0) this.#push(this.#logprobsWriter.write(logprobs));
    this.#finishReason ??= finishReason;
  }

  /** What was added since the last time. */
  takePiece(index: number): string | undefined {
    const isEmpty = this.#text === "" && this.#logprobsCount === 0 && this.#finishReason === undefined;
    if (isEmpty && this.#hasBegun) return undefined;
    this.#hasBegun = true;
    const piece = [...this.toChoice(index)].join("");
    this.#text = "";
    for (const elements of this.#logprobs) elements.length = 0;
    return piece;
  }

  *toChoice(index: number): Generator<string> {
    yield `{"index":${index},"text":${JSON.stringify(this.#text)},"logprobs":`;
    if (!this.#hasLogprobs || (this.#logprobsCount === 0 && this.#finishReason === undefined)) yield "null";
    else {
      for (const [position, field] of logprobsFields.entries()) {
        yield `${position === 0 ? "{" : ","}"${field}":[`;
        yield* withCommas(this.#logprobs[position] ?? []);
        yield "]";
      }
      yield "}";
    }
    yield `,"finish_reason":${JSON.stringify(this.#finishReason ?? null)}}`;
  }

  #push(written: CompletionLogprobs): void {
    for (const [index, field] of logprobsFields.entries())
      this.#logprobs[index]?.push(JSON.stringify(written[field]).slice(1, -1));
  }

  get #logprobsCount(): number {
    return this.#logprobs[0]?.length ?? 0;
  }
}
