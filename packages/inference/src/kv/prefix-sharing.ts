import type { CachedSequence } from "./kv-cache.ts";

/**
 * Tracks sequences with the same tokens, which the first one admitted computes. The others wait for a copy; when the
 * first is released before its tokens are complete, the next takes its place.
 */
export class PrefixSharing {
  /** In the order of admission. */
  readonly #sequences = new Set<CachedSequence>();

  add(sequence: CachedSequence): void {
    this.#sequences.add(sequence);
  }

  delete(sequence: CachedSequence): boolean {
    return this.#sequences.delete(sequence);
  }

  /** The sequence that computes the tokens of another, or did; `undefined` if it is the sequence itself. */
  sourceOf(sequence: CachedSequence): CachedSequence | undefined {
    for (const other of this.#sequences) {
      if (other.tokenIds === sequence.tokenIds) return other === sequence ? undefined : other;
    }
    return undefined;
  }

  /** The sequences with the same tokens of which nothing is cached. */
  *waitersOf(sequence: CachedSequence): Generator<CachedSequence> {
    for (const other of this.#sequences) {
      if (other.tokenCount === 0 && other.tokenIds === sequence.tokenIds) yield other;
    }
  }
}
