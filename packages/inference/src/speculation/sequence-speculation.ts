import type { Proposer } from "./proposer.ts";

/** Tokens without proposals after many wrong ones at most. */
const longestPauseTokens = 64;
/** Tokens for which steps need not wait for proposals, after there were none, at most. */
const longestLullTokens = 8;

/**
 * The speculation of one sequence: how many tokens are proposed, by what became of those before. After proposals that were
 * all confirmed, twice as many; after others, one more than were. Where none is confirmed again and again, ever longer pauses.
 */
export class SequenceSpeculation {
  readonly #proposer: Proposer;
  /** `(maxTokens)` */
  readonly #proposed: Int32Array;
  #limitTokens: number;
  #pauseTokens = 0;
  #nextPauseTokens = 1;
  #lullTokens = 0;
  #nextLullTokens = 1;
  #proposedCount = 0;
  #confirmedCount = 0;

  constructor(proposer: Proposer, maxTokens: number) {
    this.#proposer = proposer;
    this.#proposed = new Int32Array(maxTokens);
    this.#limitTokens = maxTokens;
  }

  /** Proposed tokens, as written by the last `propose`. */
  get proposedTokenIds(): Int32Array {
    return this.#proposed;
  }

  /** Whether it is likely to have proposals next, for which a step is not begun before the tokens of the last are known. */
  get isLikely(): boolean {
    return this.#pauseTokens === 0 && this.#lullTokens === 0;
  }

  /** Proposals of all steps, and those of them that were confirmed. */
  get proposedCount(): number {
    return this.#proposedCount;
  }

  get confirmedCount(): number {
    return this.#confirmedCount;
  }

  /** Learns the next token. */
  accept(tokenId: number): void {
    this.#proposer.accept(tokenId);
    if (this.#pauseTokens > 0) this.#pauseTokens -= 1;
    if (this.#lullTokens > 0) this.#lullTokens -= 1;
  }

  /** Writes the next proposals, at most `mostTokens`; returns how many. */
  propose(mostTokens: number): number {
    const limit = Math.min(this.#limitTokens, mostTokens);
    if (this.#pauseTokens > 0 || limit <= 0) return 0;
    const count = this.#proposer.propose(this.#proposed.subarray(0, limit));
    if (count > 0) {
      this.#nextLullTokens = 1;
    } else {
      this.#lullTokens = this.#nextLullTokens;
      this.#nextLullTokens = Math.min(longestLullTokens, 2 * this.#nextLullTokens);
    }
    return count;
  }

  /** Learns how many of the proposals of a step were confirmed. */
  settle(proposedCount: number, confirmedCount: number): void {
    this.#proposedCount += proposedCount;
    this.#confirmedCount += confirmedCount;
    const most = this.#proposed.length;
    const isAll = confirmedCount === proposedCount;
    this.#limitTokens = Math.min(most, isAll ? 2 * Math.max(1, confirmedCount) : confirmedCount + 1);
    if (confirmedCount > 0) {
      this.#nextPauseTokens = 1;
      return;
    }
    this.#pauseTokens = this.#nextPauseTokens - 1;
    this.#nextPauseTokens = Math.min(longestPauseTokens, 2 * this.#nextPauseTokens);
  }
}
