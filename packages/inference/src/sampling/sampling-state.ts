import { RandomStream } from "./random-stream.ts";
import type { SamplingParams } from "./sampling-params.ts";
import { TokenCounts } from "./token-counts.ts";

/** What a `SamplingState` starts with. */
export interface SamplingStateOptions {
  readonly params: SamplingParams & { readonly seed: number | bigint };
  readonly promptTokenIds: Int32Array;
  /** Which of the request's answers; each has random numbers of its own. */
  readonly index: number;
  /** Not to be sampled before `minTokens` tokens were. */
  readonly stopTokenIds: Iterable<number>;
  readonly minTokens: number;
}

/** What sampling one sequence remembers: its random numbers and what was said. */
export class SamplingState {
  readonly params: SamplingParams;
  readonly random: RandomStream;
  /** Kept only where a penalty needs it. */
  readonly counts: TokenCounts | undefined;
  readonly #stopTokenIds: readonly number[];
  readonly #minTokens: number;
  #generatedCount = 0;

  constructor(options: SamplingStateOptions) {
    const { params } = options;
    this.params = params;
    this.random = new RandomStream(params.seed, options.index);
    this.#stopTokenIds = [...options.stopTokenIds];
    this.#minTokens = options.minTokens;
    const isRepetitionPenalised = params.repetitionPenalty !== 1;
    if (isRepetitionPenalised || params.presencePenalty !== 0 || params.frequencyPenalty !== 0) {
      this.counts = new TokenCounts();
      if (isRepetitionPenalised) this.counts.addPrompt(options.promptTokenIds);
    }
  }

  /** Tokens that may not come next. */
  get suppressedTokenIds(): readonly number[] {
    return this.#generatedCount < this.#minTokens ? this.#stopTokenIds : [];
  }

  /** Whether the model's logits are changed at all. */
  get changesLogits(): boolean {
    return (
      this.counts !== undefined ||
      this.params.logitBias.size > 0 ||
      (this.#generatedCount < this.#minTokens && this.#stopTokenIds.length > 0)
    );
  }

  accept(tokenId: number): void {
    this.#generatedCount += 1;
    this.counts?.addGenerated(tokenId);
  }
}
