import type { Detokenizer } from "./text/detokenizer.ts";
import type { FinishReason, GenerationChoice, TokenLogprob } from "./request.ts";
import type { SamplingState } from "./sampling/sampling-state.ts";
import type { SchedulableSequence } from "./step-batch.ts";
import type { StopMatcher } from "./text/stop-strings.ts";

/** What a sequence is made of. */
export interface GeneratedSequenceParts {
  readonly id: number;
  /** Which of the request's answers. */
  readonly index: number;
  readonly promptTokenIds: Int32Array;
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly includeStopInOutput: boolean;
  /** End without a stop reason. */
  readonly eosTokenIds: ReadonlySet<number>;
  /** End with the token as the reason. */
  readonly stopTokenIds: ReadonlySet<number>;
  readonly sampling: SamplingState;
  readonly detokenizer: Detokenizer;
  /** `undefined` where the request has no stop strings. */
  readonly stopMatcher: StopMatcher | undefined;
  readonly hasLogprobs: boolean;
  readonly hasPromptLogprobs: boolean;
}

/** One answer as it grows: takes tokens, gives text, and knows when it ends. */
export class GeneratedSequence implements SchedulableSequence {
  readonly id: number;
  readonly index: number;
  readonly promptTokenIds: Int32Array;
  readonly maxLengthTokens: number;
  readonly sampling: SamplingState;
  readonly tokenIds: number[] = [];
  readonly logprobs: TokenLogprob[] | undefined;
  /** Grows with the prompt; the first token has none. */
  readonly promptLogprobs: (TokenLogprob | undefined)[] | undefined;
  computedTokenCount = 0;
  lastTokenId = -1;
  readonly #parts: GeneratedSequenceParts;
  #text = "";
  #newText = "";
  #finishReason: FinishReason | undefined;
  #stopReason: string | number | undefined;

  constructor(parts: GeneratedSequenceParts) {
    this.id = parts.id;
    this.index = parts.index;
    this.promptTokenIds = parts.promptTokenIds;
    this.maxLengthTokens = parts.promptTokenIds.length + parts.maxTokens;
    this.sampling = parts.sampling;
    this.logprobs = parts.hasLogprobs ? [] : undefined;
    this.promptLogprobs = parts.hasPromptLogprobs ? [undefined] : undefined;
    this.#parts = parts;
  }

  get wantsPromptLogits(): boolean {
    return this.promptLogprobs !== undefined;
  }

  get maxTokens(): number {
    return this.#parts.maxTokens;
  }

  get finishReason(): FinishReason | undefined {
    return this.#finishReason;
  }

  get stopReason(): string | number | undefined {
    return this.#stopReason;
  }

  /** Takes the token that was sampled. */
  accept(tokenId: number, logprob?: TokenLogprob): void {
    const { eosTokenIds, stopTokenIds, detokenizer, includeStopInOutput, maxTokens } = this.#parts;
    this.lastTokenId = tokenId;
    this.tokenIds.push(tokenId);
    if (logprob !== undefined) this.logprobs?.push(logprob);
    const isEos = eosTokenIds.has(tokenId);
    if (isEos || stopTokenIds.has(tokenId)) {
      if (includeStopInOutput) this.#give(detokenizer.push(tokenId));
      this.#end("stop", isEos ? undefined : tokenId);
      return;
    }
    this.#give(detokenizer.push(tokenId));
    if (this.#finishReason === undefined && this.tokenIds.length >= maxTokens) this.#end("length", undefined);
  }

  /** Ends at the end of the prompt, where no token is wanted. */
  endAtPrompt(): void {
    this.#end("length", undefined);
  }

  /** The text since the last call. */
  takeText(): string {
    const text = this.#newText;
    this.#text += text;
    this.#newText = "";
    return text;
  }

  choice(): GenerationChoice {
    return {
      index: this.index,
      text: this.#text + this.#newText,
      tokenIds: this.tokenIds,
      logprobs: this.logprobs,
      finishReason: this.#finishReason ?? "length",
      stopReason: this.#stopReason,
    };
  }

  #give(text: string): void {
    const { stopMatcher, minTokens } = this.#parts;
    if (stopMatcher === undefined || this.tokenIds.length < minTokens) {
      this.#newText += text;
      return;
    }
    this.#newText += stopMatcher.push(text);
    if (stopMatcher.match !== undefined) {
      this.#finishReason = "stop";
      this.#stopReason = stopMatcher.match;
    }
  }

  /** Lets out what was held back; a stop string that it completes was there first. */
  #end(finishReason: FinishReason, stopReason: number | undefined): void {
    if (this.#finishReason === undefined) this.#give(this.#parts.detokenizer.flush());
    if (this.#finishReason !== undefined) return;
    this.#newText += this.#parts.stopMatcher?.flush() ?? "";
    this.#finishReason = finishReason;
    this.#stopReason = stopReason;
  }
}
