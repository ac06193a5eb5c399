import { BannedSequences } from "./banned-sequences.ts";
import type { ConstraintStatePort } from "../ports.ts";
import { RandomStream } from "./random-stream.ts";
import type { SamplingParams } from "./sampling-params.ts";
import { TokenCounts } from "./token-counts.ts";

/** Options of a `SamplingState`. */
export interface SamplingStateOptions {
  readonly params: SamplingParams & { readonly seed: number | bigint };
  readonly promptTokenIds: Int32Array;
  /** Index among the request's answers; each has its own random numbers. */
  readonly index: number;
  /** They end the answer. Not sampled before `minTokens` tokens were generated. */
  readonly stopTokenIds: Iterable<number>;
  readonly minTokens: number;
  /** [none] */
  readonly constraint?: ConstraintStatePort | undefined;
}

/** The state of sampling one sequence: its random numbers and its generated tokens. */
export class SamplingState {
  readonly params: SamplingParams;
  readonly random: RandomStream;
  /** Only where a penalty needs it. */
  readonly counts: TokenCounts | undefined;
  readonly constraint: ConstraintStatePort | undefined;
  /** A bit for each token that may be generated; those behind its end may not. */
  readonly allowedMask: Uint32Array | undefined;
  readonly #bannedSequences: BannedSequences | undefined;
  readonly #stopTokenIds: readonly number[];
  readonly #minTokens: number;
  #generatedCount = 0;

  constructor(options: SamplingStateOptions) {
    const { params } = options;
    this.params = params;
    this.random = new RandomStream(params.seed, options.index);
    this.#stopTokenIds = [...options.stopTokenIds];
    this.#minTokens = options.minTokens;
    this.constraint = options.constraint;
    this.allowedMask = params.allowedTokenIds && maskOf(params.allowedTokenIds);
    const { bannedSequences } = params;
    if (bannedSequences.length > 0) this.#bannedSequences = new BannedSequences(bannedSequences);
    const isRepetitionPenalised = params.repetitionPenalty !== 1;
    if (isRepetitionPenalised || params.presencePenalty !== 0 || params.frequencyPenalty !== 0) {
      this.counts = new TokenCounts();
      if (isRepetitionPenalised) this.counts.addPrompt(options.promptTokenIds);
    }
  }

  /** Calls for each token that must not be sampled next. */
  forEachSuppressed(call: (tokenId: number) => void): void {
    if (this.#generatedCount < this.#minTokens) this.#stopTokenIds.forEach(call);
    this.#bannedSequences?.forEachNext(call);
  }

  /** Tokens that end the answer, where the constraint lets it end. */
  get endTokenIds(): readonly number[] {
    return this.constraint?.isComplete === false ? [] : this.#stopTokenIds;
  }

  /** Whether the constraint leaves nothing to generate. */
  get isFinished(): boolean {
    return this.constraint?.isFinished === true;
  }

  /** The token that comes next, whatever the logits; `undefined` where it is sampled. */
  get forcedTokenId(): number | undefined {
    const { constraint, params } = this;
    if (constraint?.requiredTokenId !== undefined) return constraint.requiredTokenId;
    const isAnyAllowed = this.allowedMask === undefined && this.#bannedSequences === undefined;
    if (constraint === undefined || !isAnyAllowed || params.logitBias.size > 0) return undefined;
    const tokenId = constraint.forcedTokenId;
    const isTooEarly = tokenId !== undefined && this.#generatedCount < this.#minTokens;
    return isTooEarly && this.#stopTokenIds.includes(tokenId) ? undefined : tokenId;
  }

  /** Whether only some tokens may come next. */
  get isMasked(): boolean {
    return this.constraint !== undefined || this.allowedMask !== undefined;
  }

  /** Whether the masks let a token come next. */
  allows(tokenId: number): boolean {
    const { constraint, allowedMask } = this;
    if (allowedMask !== undefined && !hasBit(allowedMask, tokenId)) return false;
    return constraint === undefined || constraint.allows(tokenId) || this.endTokenIds.includes(tokenId);
  }

  /** Whether the model's logits are adjusted at all. */
  get changesLogits(): boolean {
    return (
      this.counts !== undefined ||
      this.params.logitBias.size > 0 ||
      this.#bannedSequences !== undefined ||
      (this.#generatedCount < this.#minTokens && this.#stopTokenIds.length > 0)
    );
  }

  /** Whether the next token is drawn from the model's logits as they are. */
  get isPlain(): boolean {
    return !this.isMasked && !this.changesLogits;
  }

  /** Uses up the random number of a token that an executor drew. */
  skipDraw(): void {
    if (this.params.temperature !== 0) this.random.nextUniform();
  }

  accept(tokenId: number): void {
    if (!this.#stopTokenIds.includes(tokenId)) this.constraint?.accept(tokenId);
    this.#generatedCount += 1;
    this.counts?.addGenerated(tokenId);
    this.#bannedSequences?.accept(tokenId);
  }
}

function maskOf(tokenIds: readonly number[]): Uint32Array {
  const words = new Uint32Array((tokenIds.reduce((last, id) => Math.max(last, id), 0) >>> 5) + 1);
  for (const id of tokenIds) words[id >>> 5]! |= 1 << (id & 31);
  return words;
}

function hasBit(words: Uint32Array, id: number): boolean {
  return ((words[id >>> 5] ?? 0) & (1 << (id & 31))) !== 0;
}
