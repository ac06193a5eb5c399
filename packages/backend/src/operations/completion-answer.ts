import type { FinishReason, TokenDelta } from "@infernode/inference";
import { withCommas } from "../openai/answer-head.ts";
import {
  countCharacters,
  createCompletionLogprobsWriter,
  type CompletionLogprobs,
  type CompletionLogprobsWriter,
} from "../openai/logprobs.ts";

const logprobsFields = ["tokens", "token_logprobs", "top_logprobs", "text_offset"] as const;

/** JSON text of the elements of each field. */
export function toElements(logprobs: CompletionLogprobs): readonly string[] {
  return logprobsFields.map((field) => JSON.stringify(logprobs[field]).slice(1, -1));
}

/** One of the answers, whole or piece by piece. */
export class CompletionAnswer {
  readonly #logprobsWriter: CompletionLogprobsWriter;
  /** For each field the JSON text of its elements, made as they come. */
  readonly #logprobs = logprobsFields.map((): string[] => []);
  #hasLogprobs = false;
  #text: string;
  #finishReason: FinishReason | undefined;
  #hasBegun = false;

  constructor(echo: string) {
    this.#text = echo;
    this.#logprobsWriter = createCompletionLogprobsWriter(countCharacters(echo));
  }

  /** Puts tokens of the prompt before those of the answer. */
  addPrompt(elements: readonly string[]): void {
    this.#hasLogprobs = true;
    this.#push(elements);
  }

  add({ text, logprobs, finishReason }: TokenDelta): void {
    this.#text += text;
    this.#hasLogprobs ||= logprobs !== undefined;
    if (logprobs !== undefined && logprobs.length > 0)
      this.#push(toElements(this.#logprobsWriter.write(logprobs)));
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

  #push(elements: readonly string[]): void {
    for (const [index, each] of elements.entries()) this.#logprobs[index]?.push(each);
  }

  get #logprobsCount(): number {
    return this.#logprobs[0]?.length ?? 0;
  }
}
