import { withoutComments } from "./check-vocabulary.ts";

/** Splits a word into tokens by byte-pair merges. */
export type BpeMerger = (word: string) => readonly string[];

/** A vocabulary and its merges, as in `tokenizer.json`. */
export interface BpeTables {
  readonly tokenIds: ReadonlyMap<string, number>;
  /** In order of rank; a pair as two strings, or as one with a space between them. */
  readonly merges: readonly (string | readonly [string, string])[];
}

const cachedWords = 32_768;
const cachedWordLength = 64;
const rankUnit = 2 ** 32;

/**
 * Makes a merger that takes `n · log n` steps for a word of `n` characters, with small constants: pairs are
 * looked up by token ids in a flat table, and candidates are in a heap, by rank and then by position.
 */
export function createBpeMerger(tables: BpeTables): BpeMerger {
  const ids = tables.tokenIds;
  const merges = withoutComments(tables.merges);
  const pairs = new PairTable(merges.length);
  for (const [rank, merge] of merges.entries()) {
    const [left = "", right = ""] = typeof merge === "string" ? merge.split(" ", 2) : merge;
    const leftId = ids.get(left);
    const rightId = ids.get(right);
    const mergedId = ids.get(left + right);
    if (leftId !== undefined && rightId !== undefined && mergedId !== undefined) {
      pairs.add({ leftId, rightId, mergedId, rank });
    }
  }
  const cache = new Map<string, readonly string[]>();
  return (word) => {
    const cached = cache.get(word);
    if (cached !== undefined) {
      return cached;
    }
    const tokens = mergeWord(word, ids, pairs);
    if (word.length <= cachedWordLength) {
      if (cache.size >= cachedWords) {
        cache.clear();
      }
      cache.set(word, tokens);
    }
    return tokens;
  };
}

/** The symbols of a word as a linked list in arrays; symbol `i` starts at `starts[i]`. */
function mergeWord(word: string, ids: ReadonlyMap<string, number>, pairs: PairTable): readonly string[] {
  const chars = Array.from(word);
  const count = chars.length;
  const symbols = Int32Array.from(chars, (char) => ids.get(char) ?? -1);
  const next = Int32Array.from(chars, (_, index) => index + 1);
  const previous = Int32Array.from(chars, (_, index) => index - 1);
  const heap = new MinHeap();
  const propose = (at: number): void => {
    const after = at < 0 ? count : (next[at] ?? count);
    if (after < count) {
      const slot = pairs.find(symbols[at] ?? -1, symbols[after] ?? -1);
      if (slot >= 0) {
        heap.push(pairs.rankAt(slot) * rankUnit + at);
      }
    }
  };
  for (let at = 0; at < count; at += 1) {
    propose(at);
  }
  for (let entry = heap.pop(); entry !== undefined; entry = heap.pop()) {
    const rank = Math.floor(entry / rankUnit);
    const at = entry - rank * rankUnit;
    const after = next[at] ?? count;
    const slot =
      after < count && symbols[at] !== consumed ? pairs.find(symbols[at] ?? -1, symbols[after] ?? -1) : -1;
    if (slot < 0 || pairs.rankAt(slot) !== rank) {
      continue;
    }
    const beyond = next[after] ?? count;
    symbols[at] = pairs.mergedAt(slot);
    symbols[after] = consumed;
    next[at] = beyond;
    if (beyond < count) {
      previous[beyond] = at;
    }
    propose(at);
    propose(previous[at] ?? -1);
  }
  const tokens: string[] = [];
  for (let at = 0; at < count; at = next[at] ?? count) {
    tokens.push(chars.slice(at, next[at]).join(""));
  }
  return tokens;
}

/** Marks a symbol that was merged into the one before it. */
const consumed = -2;

interface Merge {
  readonly leftId: number;
  readonly rightId: number;
  readonly mergedId: number;
  readonly rank: number;
}

/** An open-addressing table from a pair of ids to the merge of lowest rank. */
class PairTable {
  readonly #mask: number;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #merged: Int32Array;
  readonly #rank: Int32Array;

  constructor(mergeCount: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(16, mergeCount * 2)));
    this.#mask = size - 1;
    this.#left = new Int32Array(size).fill(-1);
    this.#right = new Int32Array(size);
    this.#merged = new Int32Array(size);
    this.#rank = new Int32Array(size);
  }

  add({ leftId, rightId, mergedId, rank }: Merge): void {
    let slot = this.#hash(leftId, rightId);
    while (this.#left[slot] !== -1) {
      if (this.#left[slot] === leftId && this.#right[slot] === rightId) {
        break;
      }
      slot = (slot + 1) & this.#mask;
    }
    this.#left[slot] = leftId;
    this.#right[slot] = rightId;
    this.#merged[slot] = mergedId;
    this.#rank[slot] = rank;
  }

  /** The slot of a pair, or −1. */
  find(leftId: number, rightId: number): number {
    if (leftId < 0) {
      return -1;
    }
    let slot = this.#hash(leftId, rightId);
    while (this.#left[slot] !== -1) {
      if (this.#left[slot] === leftId && this.#right[slot] === rightId) {
        return slot;
      }
      slot = (slot + 1) & this.#mask;
    }
    return -1;
  }

  rankAt(slot: number): number {
    return this.#rank[slot] ?? 0;
  }

  mergedAt(slot: number): number {
    return this.#merged[slot] ?? 0;
  }

  #hash(leftId: number, rightId: number): number {
    const mixed = Math.imul(leftId, 0x9e3779b1) ^ Math.imul(rightId + 0x7f4a7c15, 0x85ebca6b);
    return (mixed ^ (mixed >>> 15)) & this.#mask;
  }
}

/** A binary heap of numbers, smallest first. */
class MinHeap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] ?? 0;
      if (above <= item) {
        break;
      }
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined || items.length === 0) {
      return top;
    }
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      const right = items[child + 1];
      if (right !== undefined && right < (items[child] ?? 0)) {
        child += 1;
      }
      const smallest = items[child] ?? 0;
      if (smallest >= last) {
        break;
      }
      items[at] = smallest;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
