/** Earlier places that are compared for one lookup. */
const maxCandidates = 32;
/** Tokens before a place that are compared at most: of those that have as many, the latest is taken. */
const maxMatchTokens = 32;
const noPlace = -1;
/** Chains for each token on average: one of a few places. */
const leastBuckets = 64;

/** Finds where the last tokens of a growing text were before. Tokens are kept in typed arrays: 12 to 24 bytes for each. */
export class NgramIndex {
  readonly #matchTokens: number;
  #tokenIds: Int32Array;
  #tokenCount: number;
  /** `(buckets)` the latest place whose preceding tokens hash to a bucket. */
  #latest: Int32Array = new Int32Array(leastBuckets).fill(noPlace);
  /** `(tokens)` the place before it in the same bucket. */
  #before: Int32Array;
  /** Places from here on are not in the buckets yet. */
  #firstUnknown: number;

  /** Begins with tokens; a place is found by at least `matchTokens` before it. */
  constructor(parts: readonly Int32Array[], matchTokens: number) {
    this.#matchTokens = matchTokens;
    this.#firstUnknown = matchTokens;
    this.#tokenCount = parts.reduce((sum, { length }) => sum + length, 0);
    const room = Math.max(leastBuckets, Math.ceil(this.#tokenCount * 1.25));
    this.#tokenIds = new Int32Array(room);
    this.#before = new Int32Array(room);
    let at = 0;
    for (const part of parts) {
      this.#tokenIds.set(part, at);
      at += part.length;
    }
  }

  get tokenCount(): number {
    return this.#tokenCount;
  }

  tokenAt(place: number): number {
    return this.#tokenIds[place]!;
  }

  push(tokenId: number): void {
    if (this.#tokenCount === this.#tokenIds.length) {
      this.#tokenIds = grown(this.#tokenIds);
      this.#before = grown(this.#before);
    }
    this.#tokenIds[this.#tokenCount] = tokenId;
    this.#tokenCount += 1;
  }

  /** Adds places to the buckets, at most `maxPlaces`; returns whether all are there. */
  learn(maxPlaces: number): boolean {
    const end = Math.min(this.#tokenCount, this.#firstUnknown + maxPlaces);
    if (end > this.#latest.length) this.#rehash(end);
    for (let place = this.#firstUnknown; place < end; place += 1) this.#add(place);
    this.#firstUnknown = Math.max(this.#firstUnknown, end);
    return this.#firstUnknown >= this.#tokenCount;
  }

  /**
   * Finds the place, of those that are in the buckets, which has the most of the last tokens before it, of equal ones the latest;
   * `undefined` where none has `matchTokens`.
   */
  find(): number | undefined {
    const end = this.#tokenCount;
    if (end < this.#matchTokens) return undefined;
    let best: number | undefined;
    let bestLength = this.#matchTokens - 1;
    let place = this.#latest[this.#bucketOf(end)]!;
    for (let count = 0; count < maxCandidates && place !== noPlace; count += 1) {
      const length = this.#matchLength(place);
      if (length > bestLength) {
        best = place;
        bestLength = length;
        if (length === maxMatchTokens) break;
      }
      place = this.#before[place]!;
    }
    return best;
  }

  /** How many tokens before a place are the last ones. */
  #matchLength(place: number): number {
    const tokenIds = this.#tokenIds;
    const end = this.#tokenCount;
    const most = Math.min(place, maxMatchTokens);
    let length = 0;
    while (length < most && tokenIds[place - 1 - length] === tokenIds[end - 1 - length]) length += 1;
    return length;
  }

  #rehash(end: number): void {
    let size = this.#latest.length;
    while (size < end) size *= 2;
    this.#latest = new Int32Array(size).fill(noPlace);
    for (let place = this.#matchTokens; place < this.#firstUnknown; place += 1) this.#add(place);
  }

  #add(place: number): void {
    const bucket = this.#bucketOf(place);
    this.#before[place] = this.#latest[bucket]!;
    this.#latest[bucket] = place;
  }

  /** Of the tokens before a place. */
  #bucketOf(place: number): number {
    let hash = 0;
    for (let at = place - this.#matchTokens; at < place; at += 1) {
      hash = Math.imul(hash ^ this.#tokenIds[at]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & (this.#latest.length - 1);
  }
}

function grown(values: Int32Array): Int32Array {
  const larger = new Int32Array(values.length * 2);
  larger.set(values);
  return larger;
}
