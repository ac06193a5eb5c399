import type { Range } from "../program/expression.ts";

/** Sorted ranges that neither overlap nor touch, of code points without surrogates. */
export type CodePoints = readonly Range[];

/** Every character that UTF-8 can write. */
export const allCodePoints: CodePoints = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

/** Sorts ranges, joins those that touch, and drops surrogates. */
export function normalizeRanges(ranges: readonly Range[]): CodePoints {
  const sorted = ranges.filter(([low, high]) => low <= high).sort((left, right) => left[0] - right[0]);
  const joined: [number, number][] = [];
  for (const [low, high] of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else joined.push([low, high]);
  }
  return intersectRanges(joined, allCodePoints);
}

export function intersectRanges(left: readonly Range[], right: readonly Range[]): CodePoints {
  const both: Range[] = [];
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    const low = Math.max(left[i]![0], right[j]![0]);
    const high = Math.min(left[i]![1], right[j]![1]);
    if (low <= high) both.push([low, high]);
    if (left[i]![1] < right[j]![1]) i += 1;
    else j += 1;
  }
  return both;
}

/** All characters that are not in the ranges. */
export function invertRanges(ranges: CodePoints): CodePoints {
  const gaps: Range[] = [];
  let next = 0;
  for (const [low, high] of ranges) {
    if (low > next) gaps.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= 0x10ffff) gaps.push([next, 0x10ffff]);
  return intersectRanges(gaps, allCodePoints);
}
