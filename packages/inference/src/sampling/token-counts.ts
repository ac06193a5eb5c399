const initialCapacity = 64;

/** How often each token was generated, for penalties; tokens only in the prompt count 0. */
export class TokenCounts {
  readonly #slots: Map<number, number> = new Map();
  #ids: Int32Array = new Int32Array(initialCapacity);
  #counts: Int32Array = new Int32Array(initialCapacity);

  /** Distinct tokens of prompt and answer. */
  get distinctCount(): number {
    return this.#slots.size;
  }

  /** The token in a slot below `distinctCount`. */
  idAt(slot: number): number {
    return this.#ids[slot]!;
  }

  countAt(slot: number): number {
    return this.#counts[slot]!;
  }

  /** Copies all slots into two arrays, from an index on. */
  copyTo(ids: Int32Array, counts: Float64Array, start: number): void {
    ids.set(this.#ids.subarray(0, this.distinctCount), start);
    counts.set(this.#counts.subarray(0, this.distinctCount), start);
  }

  addPrompt(tokenIds: Int32Array): void {
    for (const id of tokenIds) this.#slotOf(id);
  }

  addGenerated(tokenId: number): void {
    const slot = this.#slotOf(tokenId); // may replace the arrays
    this.#counts[slot]! += 1;
  }

  #slotOf(tokenId: number): number {
    const known = this.#slots.get(tokenId);
    if (known !== undefined) return known;
    const slot = this.#slots.size;
    if (slot === this.#ids.length) {
      this.#ids = grow(this.#ids);
      this.#counts = grow(this.#counts);
    }
    this.#ids[slot] = tokenId;
    this.#slots.set(tokenId, slot);
    return slot;
  }
}

function grow(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
