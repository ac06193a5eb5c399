/**
 * Counts how many sequences have each page, and keeps those that none has in the order in which they are taken: first
 * pages without content, then the longest unused.
 */
export class PagePool {
  readonly pageCount: number;
  readonly #holderCounts: Int32Array;
  /** A ring of the free pages; index `pageCount` is its start and end. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  #freeCount = 0;

  constructor(pageCount: number) {
    this.pageCount = pageCount;
    this.#holderCounts = new Int32Array(pageCount);
    this.#next = new Int32Array(pageCount + 1).fill(pageCount);
    this.#previous = new Int32Array(pageCount + 1).fill(pageCount);
    for (let page = 0; page < pageCount; page += 1) this.#insert(page, this.#previous[pageCount]!);
  }

  /** Pages that no sequence has. */
  get freeCount(): number {
    return this.#freeCount;
  }

  isFree(page: number): boolean {
    return this.#holderCounts[page] === 0;
  }

  /** Takes the next free page; there must be one. */
  take(): number {
    const page = this.#next[this.pageCount]!;
    this.hold(page);
    return page;
  }

  /** Records that one more sequence has a page. */
  hold(page: number): void {
    if (this.#holderCounts[page] === 0) this.#remove(page);
    this.#holderCounts[page]! += 1;
  }

  /** Records that one sequence less has a page; returns whether none has it now. */
  drop(page: number, { keepsContent }: { readonly keepsContent: boolean }): boolean {
    this.#holderCounts[page]! -= 1;
    if (this.#holderCounts[page]! > 0) return false;
    this.#insert(page, keepsContent ? this.#previous[this.pageCount]! : this.pageCount);
    return true;
  }

  #insert(page: number, previous: number): void {
    const next = this.#next[previous]!;
    this.#next[previous] = page;
    this.#previous[page] = previous;
    this.#next[page] = next;
    this.#previous[next] = page;
    this.#freeCount += 1;
  }

  #remove(page: number): void {
    const [previous, next] = [this.#previous[page]!, this.#next[page]!];
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#freeCount -= 1;
  }
}
