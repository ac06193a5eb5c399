import type { Detokenizer } from "../text/detokenizer.ts";
import { LogprobLog } from "./logprob-log.ts";
import type { FinishReason, GenerationChoice } from "./request.ts";
import type { SampledToken } from "../sampling/sampler.ts";
import type { SamplingState } from "../sampling/sampling-state.ts";
import type { CachedSequence } from "../kv/cached-sequence.ts";
import type { SchedulableSequence } from "../schedule/step-batch.ts";
import { GrowingText } from "../text/growing-text.ts";
import type { StopMatcher } from "../text/stop-strings.ts";
import type { TokenLogprob } from "../text/token-logprob.ts";

/** What a sequence is made of. */
export interface GeneratedSequenceParts {
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
  /** Keeps what was read, for the result. */
  readonly keepsAll: boolean;
  /** Says a token and its alternatives in text and bytes. */
  readonly describe: (sampled: SampledToken) => TokenLogprob;
}

/** What was added to an answer since it was last read. */
export interface SequenceNews {
  readonly text: string;
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly TokenLogprob[] | undefined;
}

/** One answer as it grows: takes tokens, gives text, and knows when it ends. */
export class GeneratedSequence implements SchedulableSequence {
  readonly index: number;
  readonly promptTokenIds: Int32Array;
  readonly maxLengthTokens: number;
  readonly sampling: SamplingState;
  readonly #logprobs: LogprobLog | undefined;
  /** Grows with the prompt; the first token has none. */
  readonly #promptLogprobs: LogprobLog | undefined;
  cached: CachedSequence | undefined;
  lastTokenId = -1;
  readonly #parts: GeneratedSequenceParts;
  /** What was read, where all is kept. */
  readonly #text = new GrowingText();
  #newText = "";
  #tokenIds: number[] = [];
  #tokenCount = 0;
  /** How many of `#tokenIds` were read. */
  #readTokenCount = 0;
  #finishReason: FinishReason | undefined;
  #stopReason: string | number | undefined;

  constructor(parts: GeneratedSequenceParts) {
    this.index = parts.index;
    this.promptTokenIds = parts.promptTokenIds;
    this.maxLengthTokens = parts.promptTokenIds.length + parts.maxTokens;
    this.sampling = parts.sampling;
    this.#parts = parts;
    this.#logprobs = parts.hasLogprobs ? new LogprobLog(parts) : undefined;
    if (!parts.hasPromptLogprobs) return;
    this.#promptLogprobs = new LogprobLog(parts);
    this.#promptLogprobs.push(undefined);
  }

  get wantsPromptLogits(): boolean {
    return this.#promptLogprobs !== undefined;
  }

  /** Tokens that were generated. */
  get tokenCount(): number {
    return this.#tokenCount;
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
  accept(tokenId: number, logprob?: SampledToken): void {
    const { eosTokenIds, stopTokenIds, detokenizer, includeStopInOutput, maxTokens } = this.#parts;
    this.lastTokenId = tokenId;
    this.#tokenIds.push(tokenId);
    this.#tokenCount += 1;
    if (logprob !== undefined) this.#logprobs?.push(logprob);
    const isEos = eosTokenIds.has(tokenId);
    if (isEos || stopTokenIds.has(tokenId)) {
      if (includeStopInOutput) this.#give(detokenizer.push(tokenId));
      this.#end("stop", isEos ? undefined : tokenId);
      return;
    }
    this.#give(detokenizer.push(tokenId));
    if (this.#finishReason === undefined && this.#tokenCount >= maxTokens) this.#end("length", undefined);
  }

  /** Ends at the end of the prompt, where no token is wanted. */
  endAtPrompt(): void {
    this.#end("length", undefined);
  }

  /** Takes what the model says of the prompt's next token. */
  acceptPromptLogprob(logprob: SampledToken): void {
    this.#promptLogprobs?.push(logprob);
  }

  /** Whether `takePromptLogprobs` has something. */
  get hasPromptNews(): boolean {
    return (this.#promptLogprobs?.unreadCount ?? 0) > 0;
  }

  /** Reads the next of the prompt's. */
  takePromptLogprobs(entryLimit: number): (TokenLogprob | undefined)[] {
    return this.#describeAll(this.#promptLogprobs?.take(entryLimit) ?? []);
  }

  /** Reads what is new; of log-probabilities up to so many, and the tokens that they are of. */
  takeNews(entryLimit: number): SequenceNews {
    const logprobs = this.#logprobs?.take(entryLimit);
    const start = this.#readTokenCount;
    const end = logprobs === undefined ? this.#tokenIds.length : start + logprobs.length;
    const isAll = start === 0 && end === this.#tokenIds.length && !this.#parts.keepsAll;
    const tokenIds = isAll ? this.#tokenIds : this.#tokenIds.slice(start, end);
    if (this.#parts.keepsAll) this.#readTokenCount = end;
    else this.#tokenIds = isAll ? [] : this.#tokenIds.slice(end);
    const text = this.#newText;
    if (this.#parts.keepsAll) this.#text.push(text);
    this.#newText = "";
    return {
      text,
      tokenIds,
      logprobs: logprobs && this.#describeAll(logprobs).filter((each) => each !== undefined),
    };
  }

  /** Whether tokens are left that `takeNews` did not read yet. */
  get hasUnreadTokens(): boolean {
    return this.#readTokenCount < this.#tokenIds.length;
  }

  /** The whole prompt's; only what was not read where not all is kept. */
  promptLogprobs(): (TokenLogprob | undefined)[] | undefined {
    return this.#promptLogprobs && this.#describeAll(this.#promptLogprobs.all());
  }

  /** The whole answer; only what was not read where not all is kept. */
  choice(): GenerationChoice {
    const logprobs = this.#logprobs?.all();
    return {
      index: this.index,
      text: this.#text.toString() + this.#newText,
      tokenIds: this.#tokenIds,
      logprobs: logprobs && this.#describeAll(logprobs).filter((each) => each !== undefined),
      finishReason: this.#finishReason ?? "length",
      stopReason: this.#stopReason,
    };
  }

  #describeAll(entries: readonly (SampledToken | undefined)[]): (TokenLogprob | undefined)[] {
    return entries.map((entry) => entry && this.#parts.describe(entry));
  }

  #give(text: string): void {
    const { stopMatcher, minTokens } = this.#parts;
    if (stopMatcher === undefined || this.#tokenCount < minTokens) {
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
