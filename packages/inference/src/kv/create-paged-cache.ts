import type { PagedStorage } from "../executors/executor.ts";
import { CachedSequence, type KvCache, type PlacedBatch } from "./kv-cache.ts";
import { PageIndex } from "./page-index.ts";
import { PagePool } from "./page-pool.ts";
import { PendingPages } from "./pending-pages.ts";

/**
 * Creates a KV cache over storage in pages. A sequence has the pages of the tokens that it was admitted with, and gets
 * others as it grows. Sequences that begin with the same tokens have the same full pages: only the first computes them.
 * Full pages are known by their tokens (`PageIndex`) until they are taken for others, also after their sequences are
 * released, the longest unused first. A known page is never written again; the last, partly filled one is not shared.
 *
 * A sequence that has a known page has those before it too, and drops the last ones first. So a page that is taken is
 * before no known one.
 */
export function createPagedCache(storage: PagedStorage): KvCache {
  const { pageCount, pageTokens, maxSequences } = storage;
  const capacityTokens = pageCount * pageTokens;
  const sequenceCapacityTokens = Math.min(storage.sequenceTokens, capacityTokens);
  const blockTableStride = Math.ceil(sequenceCapacityTokens / pageTokens);
  const pool = new PagePool(pageCount);
  const index = new PageIndex(storage);
  const pending = new PendingPages(storage);
  const scopes = new Map<CachedSequence, number>();
  const { isShareable = true } = storage;
  let lastOwnScope = 0;
  /** Each sequence has one of its own where they share nothing. */
  const ownScope = (): number => {
    lastOwnScope = (lastOwnScope + 1) % 2 ** 30;
    return lastOwnScope;
  };

  const take = (): number => {
    const page = pool.take();
    if (index.isKnown(page)) index.remove(page);
    return page;
  };

  /** What is before the page at `at`. */
  const parentOf = (sequence: CachedSequence, at: number): number =>
    sequence.pageIds[at - 1] ?? PageIndex.rootOf(scopes.get(sequence)!);

  /** Adds known pages of the first tokens; returns how many of them are free. */
  const findPrefix = (sequence: CachedSequence, scope: number): number => {
    const { tokenIds, pageIds } = sequence;
    // The last token is computed: its logits are needed.
    const mostPages = Math.floor((tokenIds.length - 1) / pageTokens);
    let parent = PageIndex.rootOf(scope);
    let freeCount = 0;
    while (pageIds.length < mostPages) {
      const page = index.find(parent, tokenIds, pageIds.length * pageTokens);
      if (page === -1) break;
      freeCount += Number(pool.isFree(page));
      pageIds.push(page);
      parent = page;
    }
    sequence.knownPageCount = pageIds.length;
    sequence.sharedTokenCount = pageIds.length * pageTokens;
    return freeCount;
  };

  /** Takes the pages of the other tokens; full ones become known, so that later sequences wait for them. */
  const takeRest = (sequence: CachedSequence): void => {
    const { tokenIds, pageIds } = sequence;
    for (let start = pageIds.length * pageTokens; start < tokenIds.length; start += pageTokens) {
      const page = take();
      const at = pageIds.push(page) - 1;
      const end = Math.min(start + pageTokens, tokenIds.length);
      for (let from = start, to = page * pageTokens; from < end; from += 1, to += 1) {
        index.tokenIds[to] = tokenIds[from]!;
      }
      if (end - start < pageTokens || sequence.knownPageCount < at) continue;
      const parent = parentOf(sequence, at);
      if (index.find(parent, tokenIds, start) !== -1) continue;
      index.add(page, parent);
      pending.setWriter(page, sequence);
      sequence.knownPageCount += 1;
    }
  };

  /** Makes a page known that its sequence has filled, or has it share the known one with the same tokens. */
  const complete = (sequence: CachedSequence, at: number): void => {
    const { pageIds } = sequence;
    const page = pageIds[at]!;
    if (at < sequence.knownPageCount) {
      pending.delete(page);
      return;
    }
    // After one that is not known, none can be.
    if (at > sequence.knownPageCount) return;
    const parent = parentOf(sequence, at);
    const known = index.find(parent, index.tokenIds, page * pageTokens);
    if (known === -1) {
      index.add(page, parent);
    } else if (pending.isPending(known)) {
      return;
    } else {
      pool.hold(known);
      pool.drop(page, { keepsContent: false });
      pageIds[at] = known;
      sequence.replacedPageCount += 1;
    }
    sequence.knownPageCount += 1;
  };

  const release = (sequence: CachedSequence): void => {
    if (!scopes.delete(sequence)) return;
    const { pageIds } = sequence;
    pending.removeReader(sequence);
    for (let at = pageIds.length - 1; at >= 0; at -= 1) {
      const page = pageIds[at]!;
      const isPending = pending.isPending(page);
      const isFree = pool.drop(page, { keepsContent: at < sequence.knownPageCount && !isPending });
      if (!isPending) continue;
      if (isFree) {
        index.remove(page);
        pending.delete(page);
      } else {
        pending.handOver(page, at, sequence);
      }
    }
    pageIds.length = 0;
    pending.settle();
  };

  return {
    capacityTokens,
    sequenceCapacityTokens,
    maxSequences,
    blockTableStride,
    hasPrefixCache: isShareable,
    usage: () => (pageCount - pool.freeCount) / pageCount,
    admit: (tokenIds, maxTokens, sharedScope = 0) => {
      const scope = isShareable ? sharedScope : ownScope();
      // The others will soon grow: a page for each is left.
      const spareCount = scopes.size;
      if (maxTokens > sequenceCapacityTokens || spareCount === maxSequences) return undefined;
      if (pool.freeCount < spareCount) return undefined;
      const sequence = new CachedSequence(tokenIds);
      const revivedCount = findPrefix(sequence, scope);
      const { pageIds } = sequence;
      const takenCount = Math.ceil(tokenIds.length / pageTokens) - pageIds.length;
      if (takenCount + revivedCount + spareCount > pool.freeCount) return undefined;
      scopes.set(sequence, scope);
      for (const page of pageIds) pool.hold(page);
      takeRest(sequence);
      pending.addReader(sequence);
      return sequence;
    },
    isWaitingForPrefix: (sequence) => pending.isWaiting(sequence),
    grow: ({ tokenCount, pageIds }, growthTokens) => {
      const endTokens = tokenCount + growthTokens;
      if (endTokens > sequenceCapacityTokens) return false;
      const pagesAtEnd = Math.ceil(endTokens / pageTokens);
      if (pagesAtEnd - pageIds.length > pool.freeCount) return false;
      while (pageIds.length < pagesAtEnd) pageIds.push(take());
      return true;
    },
    advance: (sequence, tokenCount, generatedTokenIds) => {
      const { pageIds, tokenIds } = sequence;
      const start = sequence.tokenCount;
      const end = start + tokenCount;
      const firstGenerated = Math.max(start, tokenIds.length);
      for (let position = firstGenerated; position < end; position += 1) {
        const page = pageIds[Math.floor(position / pageTokens)]!;
        const at = page * pageTokens + (position % pageTokens);
        index.tokenIds[at] = generatedTokenIds[position - firstGenerated]!;
      }
      sequence.tokenCount = end;
      const firstPage = Math.floor(start / pageTokens);
      for (let at = firstPage; (at + 1) * pageTokens <= end; at += 1) complete(sequence, at);
      if (start < tokenIds.length) pending.settle();
    },
    release,
    preempt: (sequence) => {
      const { tokenIds, tokenCount, pageIds } = sequence;
      let all = tokenIds;
      if (tokenCount > tokenIds.length) {
        all = new Int32Array(tokenCount);
        for (let position = 0; position < tokenCount; position += 1) {
          const page = pageIds[Math.floor(position / pageTokens)]!;
          all[position] = index.tokenIds[page * pageTokens + (position % pageTokens)]!;
        }
      }
      release(sequence);
      return all;
    },
    place: ({ sequences, blockTables, placedPages }: PlacedBatch) => {
      for (let chunk = 0; chunk < sequences.length; chunk += 1) {
        const cached = sequences[chunk]!.cached!;
        const { pageIds } = cached;
        const row = chunk * blockTableStride;
        for (let at = placedPages?.place(chunk, cached) ?? 0; at < pageIds.length; at += 1) {
          blockTables[row + at] = pageIds[at]!;
        }
      }
    },
  };
}
