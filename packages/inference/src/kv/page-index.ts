const none = -1;

/**
 * Finds full pages by their tokens and all tokens before them: a page is known by its own tokens and the page before it,
 * or by the scope of its sequence where it is the first. The page before a known one is known too, and is freed later.
 */
export class PageIndex {
  readonly pageTokens: number;
  /** `(pageCount, pageTokens)` the tokens in each page, also of pages that are not known. */
  readonly tokenIds: Int32Array;
  /** The page before each known page, or a root. */
  readonly #parents: Int32Array;
  readonly #isKnown: Uint8Array;
  readonly #buckets: Int32Array;
  readonly #nextInBucket: Int32Array;

  constructor({ pageCount, pageTokens }: { readonly pageCount: number; readonly pageTokens: number }) {
    this.pageTokens = pageTokens;
    this.tokenIds = new Int32Array(pageCount * pageTokens);
    this.#parents = new Int32Array(pageCount);
    this.#isKnown = new Uint8Array(pageCount);
    this.#nextInBucket = new Int32Array(pageCount).fill(none);
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(2 * pageCount))).fill(none);
  }

  /** What is before the first page of a sequence. */
  static rootOf(scope: number): number {
    return -1 - scope;
  }

  isKnown(page: number): boolean {
    return this.#isKnown[page] === 1;
  }

  /** Finds the page of `pageTokens` tokens from `start` on, after `parent`; −1 if there is none. */
  find(parent: number, tokenIds: Int32Array, start: number): number {
    let page = this.#buckets[this.#bucketOf(parent, tokenIds, start)]!;
    // Pages with the same hash are told apart by their tokens.
    while (page !== none && !(this.#parents[page] === parent && this.#hasTokens(page, tokenIds, start))) {
      page = this.#nextInBucket[page]!;
    }
    return page;
  }

  /** Makes a full page known, which no other equals. */
  add(page: number, parent: number): void {
    const bucket = this.#bucketOf(parent, this.tokenIds, page * this.pageTokens);
    this.#parents[page] = parent;
    this.#isKnown[page] = 1;
    this.#nextInBucket[page] = this.#buckets[bucket]!;
    this.#buckets[bucket] = page;
  }

  remove(page: number): void {
    const bucket = this.#bucketOf(this.#parents[page]!, this.tokenIds, page * this.pageTokens);
    this.#isKnown[page] = 0;
    const following = this.#nextInBucket[page]!;
    if (this.#buckets[bucket] === page) {
      this.#buckets[bucket] = following;
      return;
    }
    let before = this.#buckets[bucket]!;
    while (this.#nextInBucket[before] !== page) before = this.#nextInBucket[before]!;
    this.#nextInBucket[before] = following;
  }

  #hasTokens(page: number, tokenIds: Int32Array, start: number): boolean {
    const pageStart = page * this.pageTokens;
    for (let at = 0; at < this.pageTokens; at += 1) {
      if (this.tokenIds[pageStart + at] !== tokenIds[start + at]) return false;
    }
    return true;
  }

  #bucketOf(parent: number, tokenIds: Int32Array, start: number): number {
    let hash = Math.imul(parent, 0x9e3779b1);
    for (let at = start; at < start + this.pageTokens; at += 1) {
      hash = Math.imul(hash ^ tokenIds[at]!, 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    return hash & (this.#buckets.length - 1);
  }
}
