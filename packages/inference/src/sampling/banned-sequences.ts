/** Sequences of tokens that one answer must not have. */
export class BannedSequences {
  readonly #sequences: readonly (readonly number[])[];
  /** The latest generated tokens, as many as the longest sequence needs. */
  readonly #latest: number[] = [];
  readonly #latestCount: number;

  constructor(sequences: readonly (readonly number[])[]) {
    this.#sequences = sequences;
    this.#latestCount = sequences.reduce((most, { length }) => Math.max(most, length - 1), 0);
  }

  accept(tokenId: number): void {
    if (this.#latestCount === 0) return;
    if (this.#latest.length === this.#latestCount) this.#latest.shift();
    this.#latest.push(tokenId);
  }

  /** Calls for each token that would complete a sequence. */
  forEachNext(call: (tokenId: number) => void): void {
    for (const sequence of this.#sequences) {
      const last = sequence.length - 1;
      const start = this.#latest.length - last;
      if (start < 0) continue;
      let at = 0;
      while (at < last && this.#latest[start + at] === sequence[at]) at += 1;
      if (at === last) call(sequence[last]!);
    }
  }
}
