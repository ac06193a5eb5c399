import type { Candidates } from "./candidates.ts";

/**
 * Keeps the smallest set of the heaviest candidates with at least the share `topP` of the total weight; at least one.
 * Partial selection: the expected time is linear, and nothing is sorted.
 * @see Holtzman et al. 2020, arXiv:1904.09751
 */
export function selectNucleus(candidates: Candidates, topP: number): void {
  const total = candidates.total();
  dropNegligible(candidates, ((1 - topP) * total) / candidates.count);
  let remaining = topP * total;
  let start = 0;
  let end = candidates.count;
  while (end - start > 1) {
    const pivot = partition(candidates, start, end);
    const before = candidates.sum(start, pivot);
    if (before >= remaining) {
      end = pivot;
    } else if (before + candidates.weights[pivot]! >= remaining) {
      candidates.count = pivot + 1;
      return;
    } else {
      remaining -= before + candidates.weights[pivot]!;
      start = pivot + 1;
    }
  }
  candidates.count = end;
}

/** Drops candidates below a limit: together they weigh too little to be in the nucleus. */
function dropNegligible(candidates: Candidates, limit: number): void {
  const { ids, weights, count } = candidates;
  let keptCount = 0;
  for (let at = 0; at < count; at += 1) {
    const weight = weights[at]!;
    if (!(weight >= limit)) continue;
    ids[keptCount] = ids[at]!;
    weights[keptCount] = weight;
    keptCount += 1;
  }
  candidates.count = keptCount;
}

/** Partitions a range around the median of three; returns the pivot's index. */
function partition(candidates: Candidates, start: number, end: number): number {
  const last = end - 1;
  candidates.swap(medianOfThree(candidates, start, last), last);
  const boundary = moveBefore(candidates, start, last);
  candidates.swap(boundary, last);
  return boundary;
}

/** Moves entries that are before the one at `last` to the start of the range; returns where the rest starts. */
function moveBefore({ ids, weights }: Candidates, start: number, last: number): number {
  const pivotId = ids[last]!;
  const pivotWeight = weights[last]!;
  let boundary = start;
  for (let at = start; at < last; at += 1) {
    const weight = weights[at]!;
    const id = ids[at]!;
    if (weight > pivotWeight || (weight === pivotWeight && id < pivotId)) {
      weights[at] = weights[boundary]!;
      ids[at] = ids[boundary]!;
      weights[boundary] = weight;
      ids[boundary] = id;
      boundary += 1;
    }
  }
  return boundary;
}

function medianOfThree(candidates: Candidates, first: number, last: number): number {
  const middle = (first + last) >> 1;
  const firstLeads = candidates.isBefore(first, middle);
  if (candidates.isBefore(middle, last) === firstLeads) return middle;
  return candidates.isBefore(first, last) === firstLeads ? last : first;
}
