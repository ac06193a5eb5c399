import type { CachedSequence } from "./cached-sequence.ts";

/**
 * Knows which sequences have the same tokens, so that these are computed once: by the first that was admitted. The
 * others wait for a copy, or take its place when it leaves before it is through.
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

  /** Who computes the tokens of a sequence, or did; `undefined` where it is the sequence itself. */
  holderOf(sequence: CachedSequence): CachedSequence | undefined {
    for (const other of this.#sequences) {
      if (other.tokenIds === sequence.tokenIds) return other === sequence ? undefined : other;
    }
    return undefined;
  }

  /** Those that have the same tokens and computed none of them. */
  *waitersOf(sequence: CachedSequence): Generator<CachedSequence> {
    for (const other of this.#sequences) {
      if (other.tokenCount === 0 && other.tokenIds === sequence.tokenIds) yield other;
    }
  }
}
