import type { CutSizes, SequenceTokens } from "./chunk-parts.ts";

/** The tokens whose keys and values are in each page, and whether they rotate as those of a long sequence. */
export class PageLog {
  readonly #pageTokens: number;
  /** `(pageCount, pageTokens)` */
  readonly #tokenIds: Int32Array;
  readonly #isLong: Uint8Array;

  constructor({ pageCount, pageTokens }: Pick<CutSizes, "pageCount" | "pageTokens">) {
    this.#pageTokens = pageTokens;
    this.#tokenIds = new Int32Array(pageCount * pageTokens);
    this.#isLong = new Uint8Array(pageCount);
  }

  /** The tokens before those of a chunk, if they rotate in the other way. */
  tokensToRepeat({ startPosition, pages }: SequenceTokens, isLong: boolean): Int32Array | undefined {
    const [first = 0] = pages;
    if (startPosition === 0 || this.#isLong[first] === (isLong ? 1 : 0)) return undefined;
    const tokenIds = new Int32Array(startPosition);
    for (let position = 0; position < startPosition; position += 1) {
      tokenIds[position] = this.#tokenIds[this.#placeOf(position, pages)]!;
    }
    return tokenIds;
  }

  /** Records that tokens, and those before them, rotate in one way. */
  record({ startPosition, tokenIds, pages }: SequenceTokens, isLong: boolean): void {
    for (const [at, tokenId] of tokenIds.entries()) {
      this.#tokenIds[this.#placeOf(startPosition + at, pages)] = tokenId;
    }
    for (const page of pages) this.#isLong[page] = isLong ? 1 : 0;
  }

  #placeOf(position: number, pages: Int32Array): number {
    return pages[Math.floor(position / this.#pageTokens)]! * this.#pageTokens + (position % this.#pageTokens);
  }
}
