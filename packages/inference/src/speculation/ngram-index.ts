/** Earlier places that are compared for one lookup. */
const maxCandidates = 32;
/** Tokens before a place that are compared at most: of places that have as many, the latest is taken. */
export const maxMatchTokens = 32;
const noPlace = -1;
const leastBuckets = 64;
const noNumbers = new Int32Array(0);

/** A place of a text, and how many of some tokens are before it. */
export interface FoundPlace {
  place: number;
  /** 0: none was found. */
  matchTokens: number;
}

/** Finds where tokens were before in a text. Takes 8 to 12 bytes for each of its tokens, once it is asked to learn them. */
export class NgramIndex {
  readonly #leastMatchTokens: number;
  /** Of the text, and room behind it. The caller's array until a token is pushed. */
  #tokenIds: Int32Array;
  #tokenCount: number;
  /** `(buckets)` the latest place whose preceding tokens hash to a bucket. */
  #latest: Int32Array = noNumbers;
  /** `(tokens)` the place before it in the same bucket. */
  #before: Int32Array = noNumbers;
  /** Places from here on are not in the buckets yet. */
  #firstUnknown: number;

  /** Begins with a text; a place is found by at least `leastMatchTokens` before it. */
  constructor(tokenIds: Int32Array, leastMatchTokens: number) {
    this.#leastMatchTokens = leastMatchTokens;
    this.#firstUnknown = leastMatchTokens;
    this.#tokenIds = tokenIds;
    this.#tokenCount = tokenIds.length;
  }

  get tokenCount(): number {
    return this.#tokenCount;
  }

  tokenAt(place: number): number {
    return this.#tokenIds[place]!;
  }

  push(tokenId: number): void {
    if (this.#tokenCount === this.#tokenIds.length) {
      this.#tokenIds = resized(this.#tokenIds, 2 * Math.max(leastBuckets, this.#tokenCount));
    }
    this.#tokenIds[this.#tokenCount] = tokenId;
    this.#tokenCount += 1;
  }

  /** Adds places to the buckets, at most `maxPlaces`. */
  learn(maxPlaces: number): void {
    const end = Math.min(this.#tokenCount, this.#firstUnknown + maxPlaces);
    if (end <= this.#firstUnknown) return;
    if (this.#before.length < end) this.#before = resized(this.#before, this.#tokenIds.length);
    if (this.#latest.length < end) this.#rehash(end);
    for (let place = this.#firstUnknown; place < end; place += 1) this.#add(place);
    this.#firstUnknown = end;
  }

  /**
   * Finds the place, of those that were learnt, with the most of the last tokens of another text (or this one) before it, of
   * equal ones the latest, where that is more than `found` has; writes it there.
   */
  find(text: NgramIndex, found: FoundPlace): boolean {
    if (this.#latest.length === 0 || text.#tokenCount < this.#leastMatchTokens) return false;
    let place = this.#latest[this.#bucketOf(text.#tokenIds, text.#tokenCount)]!;
    let isFound = false;
    for (let count = 0; count < maxCandidates && place !== noPlace; count += 1) {
      const length = this.#matchLength(place, text);
      if (length >= this.#leastMatchTokens && length > found.matchTokens) {
        found.place = place;
        found.matchTokens = length;
        isFound = true;
        if (length === maxMatchTokens) break;
      }
      place = this.#before[place]!;
    }
    return isFound;
  }

  /** How many tokens before a place are the last ones of a text. */
  #matchLength(place: number, text: NgramIndex): number {
    const tokenIds = this.#tokenIds;
    const last = text.#tokenIds;
    const end = text.#tokenCount;
    const most = Math.min(place, end, maxMatchTokens);
    let length = 0;
    while (length < most && tokenIds[place - 1 - length] === last[end - 1 - length]) length += 1;
    return length;
  }

  #rehash(end: number): void {
    let size = Math.max(leastBuckets, this.#latest.length);
    while (size < end) size *= 2;
    this.#latest = new Int32Array(size).fill(noPlace);
    for (let place = this.#leastMatchTokens; place < this.#firstUnknown; place += 1) this.#add(place);
  }

  #add(place: number): void {
    const bucket = this.#bucketOf(this.#tokenIds, place);
    this.#before[place] = this.#latest[bucket]!;
    this.#latest[bucket] = place;
  }

  /** Of the tokens before a place. */
  #bucketOf(tokenIds: Int32Array, place: number): number {
    let hash = 0;
    for (let at = place - this.#leastMatchTokens; at < place; at += 1) {
      hash = Math.imul(hash ^ tokenIds[at]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & (this.#latest.length - 1);
  }
}

function resized(values: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length);
  larger.set(values);
  return larger;
}
