import type { CutSizes, SequenceTokens } from "./chunk-parts.ts";

/** Of a token that is known. */
const noSource = -1;

/** The tokens whose keys and values are in each page, and whether they rotate as those of a long sequence. */
export class PageLog {
  readonly #pageTokens: number;
  /** `(pageCount, pageTokens)` */
  readonly #tokenIds: Int32Array;
  readonly #isLong: Uint8Array;
  /** Tokens that come from rows of the batch before. */
  readonly #unknown: { readonly place: number; readonly row: number }[] = [];

  constructor({ pageCount, pageTokens }: Pick<CutSizes, "pageCount" | "pageTokens">) {
    this.#pageTokens = pageTokens;
    this.#tokenIds = new Int32Array(pageCount * pageTokens);
    this.#isLong = new Uint8Array(pageCount);
  }

  /** Whether the tokens before a position rotate in the other way. */
  mustRepeat(startPosition: number, firstPage: number, isLong: boolean): boolean {
    return startPosition > 0 && this.#isLong[firstPage] !== (isLong ? 1 : 0);
  }

  /** The tokens before those of a chunk, if they rotate in the other way. */
  tokensToRepeat({ startPosition, pages }: SequenceTokens, isLong: boolean): Int32Array | undefined {
    const [first = 0] = pages;
    if (!this.mustRepeat(startPosition, first, isLong)) return undefined;
    const tokenIds = new Int32Array(startPosition);
    for (let position = 0; position < startPosition; position += 1) {
      tokenIds[position] = this.#tokenIds[this.#placeOf(position, pages)]!;
    }
    return tokenIds;
  }

  /** Records that tokens, and those before them, rotate in one way. */
  record({ startPosition, tokenIds, tokenSources, pages }: SequenceTokens, isLong: boolean): void {
    for (const [at, tokenId] of tokenIds.entries()) {
      const place = this.#placeOf(startPosition + at, pages);
      const row = tokenSources?.[at] ?? noSource;
      if (row === noSource) this.#tokenIds[place] = tokenId;
      else this.#unknown.push({ place, row });
    }
    for (const page of pages) this.#isLong[page] = isLong ? 1 : 0;
  }

  /** Fills in the tokens that were not known when they were recorded. */
  learn(tokenOf: (row: number) => number): void {
    for (const { place, row } of this.#unknown.splice(0)) this.#tokenIds[place] = tokenOf(row);
  }

  #placeOf(position: number, pages: Int32Array): number {
    return pages[Math.floor(position / this.#pageTokens)]! * this.#pageTokens + (position % this.#pageTokens);
  }
}
