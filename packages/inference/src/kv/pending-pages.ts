import type { CachedSequence } from "./kv-cache.ts";

/**
 * Tracks known pages whose tokens are yet to be computed: which sequence computes each, its writer, and which sequences
 * wait for it. The writer of a page is the first admitted of the sequences that have it, and so are those of all pages
 * after it that it has.
 */
export class PendingPages {
  readonly #pageTokens: number;
  /** By page; `undefined` for one that is computed. */
  readonly #writers: (CachedSequence | undefined)[];
  /** In the order of admission. */
  readonly #waiting = new Set<CachedSequence>();

  constructor({ pageCount, pageTokens }: { readonly pageCount: number; readonly pageTokens: number }) {
    this.#pageTokens = pageTokens;
    this.#writers = Array.from({ length: pageCount }, () => undefined);
  }

  isPending(page: number): boolean {
    return this.#writers[page] !== undefined;
  }

  isWaiting(sequence: CachedSequence): boolean {
    return this.#waiting.has(sequence);
  }

  setWriter(page: number, sequence: CachedSequence): void {
    this.#writers[page] = sequence;
  }

  /** Records that a page is computed, or that no sequence is to compute it. */
  delete(page: number): void {
    this.#writers[page] = undefined;
  }

  /** Counts the shared tokens of a new sequence that are computed; it waits for the others. */
  addReader(sequence: CachedSequence): void {
    if (!this.#skipComputed(sequence)) this.#waiting.add(sequence);
  }

  /** Forgets a sequence whose pages are about to be dropped. */
  removeReader(sequence: CachedSequence): void {
    this.#waiting.delete(sequence);
  }

  /** Finds the next writer of a page, the `index`th of its sequences, if this one was its writer. */
  handOver(page: number, index: number, from: CachedSequence): void {
    if (this.#writers[page] !== from) return;
    for (const sequence of this.#waiting) {
      if (sequence.pageIds[index] !== page) continue;
      this.#writers[page] = sequence;
      return;
    }
  }

  /** Lets sequences go on whose pages were computed or handed over. */
  settle(): void {
    for (const sequence of this.#waiting) {
      if (this.#skipComputed(sequence)) this.#waiting.delete(sequence);
    }
  }

  /** Returns whether the sequence needs to wait for no other. */
  #skipComputed(sequence: CachedSequence): boolean {
    while (sequence.tokenCount < sequence.sharedTokenCount) {
      const writer = this.#writers[sequence.pageIds[sequence.tokenCount / this.#pageTokens]!];
      if (writer !== undefined) return writer === sequence;
      sequence.tokenCount += this.#pageTokens;
    }
    return true;
  }
}
