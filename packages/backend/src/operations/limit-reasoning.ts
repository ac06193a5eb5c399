import type { ConstraintPort, ConstraintStatePort } from "@infernode/inference";
import type { ReasoningTracker } from "../parsers/answer/reasoning-tracker.ts";

/** What ends the reasoning of answers. */
export interface ReasoningLimit {
  /** Tokens of reasoning of an answer, without marks. */
  readonly maxTokens: number;
  /** They end the reasoning; not empty. */
  readonly endTokenIds: readonly number[];
  /** Begins an answer. */
  readonly track: () => ReasoningTracker;
}

/** Ends the reasoning of answers after some tokens. @param constraint of the answer apart from that, if any */
export function limitReasoning(
  constraint: ConstraintPort | undefined,
  limit: ReasoningLimit,
): ConstraintPort {
  return { start: () => new ReasoningState(constraint?.start(), limit) };
}

class ReasoningState implements ConstraintStatePort {
  readonly #answer: ConstraintStatePort | undefined;
  readonly #limit: ReasoningLimit;
  readonly #tracker: ReasoningTracker;
  /** How many of the tokens that end the reasoning were written; `undefined` while it may go on. */
  #endedCount: number | undefined;

  constructor(answer: ConstraintStatePort | undefined, limit: ReasoningLimit) {
    this.#answer = answer;
    this.#limit = limit;
    this.#tracker = limit.track();
    this.#checkLimit();
  }

  get requiredTokenId(): number | undefined {
    return this.#endedCount === undefined
      ? this.#answer?.requiredTokenId
      : this.#limit.endTokenIds[this.#endedCount];
  }

  get forcedTokenId(): number | undefined {
    return this.#endedCount === undefined ? this.#answer?.forcedTokenId : undefined;
  }

  get isComplete(): boolean {
    return this.#endedCount === undefined && (this.#answer?.isComplete ?? true);
  }

  get isFinished(): boolean {
    return this.#endedCount === undefined && (this.#answer?.isFinished ?? false);
  }

  allows(tokenId: number): boolean {
    const required = this.requiredTokenId;
    return required === undefined ? (this.#answer?.allows(tokenId) ?? true) : tokenId === required;
  }

  fillMask(words: Uint32Array): void {
    const required = this.requiredTokenId;
    if (required !== undefined) words[required >>> 5]! |= 1 << (required & 31);
    else if (this.#answer === undefined) words.fill(0xffffffff);
    else this.#answer.fillMask(words);
  }

  accept(tokenId: number): void {
    this.#answer?.accept(tokenId);
    this.#tracker.accept(tokenId);
    if (this.#endedCount !== undefined) this.#endedCount += 1;
    if (this.#endedCount === this.#limit.endTokenIds.length) this.#endedCount = undefined;
    this.#checkLimit();
  }

  #checkLimit(): void {
    if (this.#endedCount !== undefined || !this.#tracker.isOpen) return;
    const { tokenCount, pendingCount } = this.#tracker;
    if (tokenCount + pendingCount >= this.#limit.maxTokens) this.#endedCount = 0;
  }
}
