import type { Detokenizer } from "../text/detokenizer.ts";
import { LogprobLog } from "./logprob-log.ts";
import type { FinishReason, GenerationChoice } from "./request.ts";
import type { SampledToken } from "../sampling/sampler.ts";
import type { SamplingState } from "../sampling/sampling-state.ts";
import type { CachedSequence } from "../kv/kv-cache.ts";
import type { SchedulableSequence } from "../schedule/step-batch.ts";
import type { SequenceSpeculation } from "../speculation/sequence-speculation.ts";
import type { StopMatcher } from "../text/stop-strings.ts";
import type { TokenLogprob } from "../text/token-logprob.ts";

const maxKeptPieces = 64;

/** What a sequence is created with. */
export interface GeneratedSequenceParts {
  /** Index among the request's answers. */
  readonly index: number;
  readonly promptTokenIds: Int32Array;
  /** The place of its adapter; 0 for none. [0] */
  readonly adapter?: number;
  /** Only sequences of one scope share cached tokens. [0] */
  readonly cacheScope?: number;
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly includeStopInOutput: boolean;
  /** Finish the answer without a stop reason. */
  readonly eosTokenIds: ReadonlySet<number>;
  /** Finish the answer with the token as the stop reason. */
  readonly stopTokenIds: ReadonlySet<number>;
  readonly sampling: SamplingState;
  /** [nothing is proposed] */
  readonly speculation?: SequenceSpeculation | undefined;
  readonly detokenizer: Detokenizer;
  /** `undefined` where the request has no stop strings. */
  readonly stopMatcher: StopMatcher | undefined;
  readonly hasLogprobs: boolean;
  readonly hasPromptLogprobs: boolean;
  /** Keeps what was read for the result. */
  readonly keepsAll: boolean;
  /** Adds text and bytes to a token and its alternatives. */
  readonly describe: (sampled: SampledToken) => TokenLogprob;
}

/** What was added to an answer since the last read. */
export interface SequenceDelta {
  readonly text: string;
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly TokenLogprob[] | undefined;
}

/** One answer: takes tokens, makes text of them, and decides when it is finished. */
export class GeneratedSequence implements SchedulableSequence {
  readonly index: number;
  readonly promptTokenIds: Int32Array;
  readonly adapter: number;
  readonly cacheScope: number;
  readonly maxLengthTokens: number;
  readonly sampling: SamplingState;
  readonly speculation: SequenceSpeculation | undefined;
  readonly #logprobs: LogprobLog | undefined;
  /** The first token of a prompt has none. */
  readonly #promptLogprobs: LogprobLog | undefined;
  #promptLogprobCount = 0;
  cached: CachedSequence | undefined;
  readonly #pendingTokenIds: number[] = [];
  readonly #parts: GeneratedSequenceParts;
  /** Text that was read, where all is kept: joined, and the latest pieces. */
  #keptText = "";
  #keptPieces: string[] = [];
  #unreadText = "";
  #tokenIds: number[] = [];
  #tokenCount = 0;
  /** How many of `#tokenIds` were read. */
  #readTokenCount = 0;
  #finishReason: FinishReason | undefined;
  #stopReason: string | number | undefined;

  constructor(parts: GeneratedSequenceParts) {
    this.index = parts.index;
    this.promptTokenIds = parts.promptTokenIds;
    this.adapter = parts.adapter ?? 0;
    this.cacheScope = parts.cacheScope ?? 0;
    this.maxLengthTokens = parts.promptTokenIds.length + parts.maxTokens;
    this.sampling = parts.sampling;
    this.speculation = parts.speculation;
    this.#parts = parts;
    this.#logprobs = parts.hasLogprobs ? new LogprobLog(parts) : undefined;
    if (!parts.hasPromptLogprobs) return;
    this.#promptLogprobs = new LogprobLog(parts);
    this.#promptLogprobs.push(undefined);
    this.#promptLogprobCount = 1;
  }

  get pendingTokenIds(): readonly number[] {
    return this.#pendingTokenIds;
  }

  dropPending(count: number): void {
    // Nearly always the only one: no array is made for it.
    if (count === 1 && this.#pendingTokenIds.length === 1) this.#pendingTokenIds.pop();
    else this.#pendingTokenIds.splice(0, count);
  }

  get needsPromptLogits(): boolean {
    return this.#promptLogprobs !== undefined && this.#promptLogprobCount < this.promptTokenIds.length;
  }

  /** Generated tokens. */
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

  /** Appends a token. */
  accept(tokenId: number, logprob?: SampledToken): void {
    const { eosTokenIds, stopTokenIds, detokenizer, includeStopInOutput, maxTokens } = this.#parts;
    this.#pendingTokenIds.push(tokenId);
    this.#tokenIds.push(tokenId);
    this.speculation?.accept(tokenId);
    this.#tokenCount += 1;
    if (logprob !== undefined) this.#logprobs?.push(logprob);
    const isEos = eosTokenIds.has(tokenId);
    if (isEos || stopTokenIds.has(tokenId)) {
      if (includeStopInOutput) this.#append(detokenizer.push(tokenId));
      this.#finish("stop", isEos ? undefined : tokenId);
      return;
    }
    this.#append(detokenizer.push(tokenId));
    if (this.#finishReason === undefined && this.sampling.isFinished) this.#finish("stop", undefined);
    if (this.#finishReason === undefined && this.#tokenCount >= maxTokens) this.#finish("length", undefined);
  }

  /** Finishes after the prompt, with no token generated. */
  finishAtPrompt(): void {
    this.#finish("length", undefined);
  }

  /** Tokens of the prompt whose log-probabilities are known, the first included. */
  get promptLogprobCount(): number {
    return this.#promptLogprobCount;
  }

  /** Appends the log-probabilities of the prompt's next token. */
  acceptPromptLogprob(logprob: SampledToken): void {
    this.#promptLogprobs?.push(logprob);
    this.#promptLogprobCount += 1;
  }

  get hasUnreadPromptLogprobs(): boolean {
    return (this.#promptLogprobs?.unreadCount ?? 0) > 0;
  }

  /** Reads the next log-probabilities of the prompt. */
  takePromptLogprobs(entryLimit: number): (TokenLogprob | undefined)[] {
    return this.#describeAll(this.#promptLogprobs?.take(entryLimit) ?? []);
  }

  /** Reads what is new: with log-probabilities, up to `entryLimit` tokens. */
  takeDelta(entryLimit: number): SequenceDelta {
    const logprobs = this.#logprobs?.take(entryLimit);
    const start = this.#readTokenCount;
    const end = logprobs === undefined ? this.#tokenIds.length : start + logprobs.length;
    const isAll = start === 0 && end === this.#tokenIds.length && !this.#parts.keepsAll;
    const tokenIds = isAll ? this.#tokenIds : this.#tokenIds.slice(start, end);
    if (this.#parts.keepsAll) this.#readTokenCount = end;
    else this.#tokenIds = isAll ? [] : this.#tokenIds.slice(end);
    const text = this.#unreadText;
    if (this.#parts.keepsAll) this.#keep(text);
    this.#unreadText = "";
    return {
      text,
      tokenIds,
      logprobs: logprobs && this.#describeAll(logprobs).filter((each) => each !== undefined),
    };
  }

  /** Tokens that are there for the next read. */
  get unreadTokenCount(): number {
    return this.#tokenIds.length - this.#readTokenCount;
  }

  /** Of the whole prompt; only what is unread where not all is kept. */
  promptLogprobs(): (TokenLogprob | undefined)[] | undefined {
    return this.#promptLogprobs && this.#describeAll(this.#promptLogprobs.all());
  }

  /** The whole answer; only what is unread where not all is kept. */
  choice(): GenerationChoice {
    const logprobs = this.#logprobs?.all();
    return {
      index: this.index,
      text: this.#keptText + this.#keptPieces.join("") + this.#unreadText,
      tokenIds: this.#tokenIds,
      logprobs: logprobs && this.#describeAll(logprobs).filter((each) => each !== undefined),
      finishReason: this.#finishReason ?? "length",
      stopReason: this.#stopReason,
    };
  }

  /** Concatenation piece by piece would keep an object for each. */
  #keep(text: string): void {
    this.#keptPieces.push(text);
    if (this.#keptPieces.length === maxKeptPieces) this.#keptText += this.#keptPieces.splice(0).join("");
  }

  #describeAll(entries: readonly (SampledToken | undefined)[]): (TokenLogprob | undefined)[] {
    return entries.map((entry) => entry && this.#parts.describe(entry));
  }

  #append(text: string): void {
    const { stopMatcher, minTokens } = this.#parts;
    if (stopMatcher === undefined || this.#tokenCount < minTokens) {
      this.#unreadText += text;
      return;
    }
    this.#unreadText += stopMatcher.push(text);
    if (stopMatcher.match !== undefined) {
      this.#finishReason = "stop";
      this.#stopReason = stopMatcher.match;
    }
  }

  /** Appends what was held back; a stop string in it takes precedence. */
  #finish(finishReason: FinishReason, stopReason: number | undefined): void {
    if (this.#finishReason === undefined) this.#append(this.#parts.detokenizer.flush());
    if (this.#finishReason !== undefined) return;
    this.#unreadText += this.#parts.stopMatcher?.flush() ?? "";
    this.#finishReason = finishReason;
    this.#stopReason = stopReason;
  }
}
