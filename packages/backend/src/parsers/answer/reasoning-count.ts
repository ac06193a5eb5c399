/** Tokens that begin and end reasoning; none where a vocabulary spells the marks in several. */
export interface ReasoningTokenIds {
  readonly starts: ReadonlySet<number>;
  readonly ends: ReadonlySet<number>;
}

/** Whether reasoning is open before and after some tokens, and whether they have any. */
export interface ReasoningSpan {
  readonly isOpenBefore: boolean;
  readonly isOpenAfter: boolean;
  readonly hasReasoning: boolean;
}

/**
 * Counts the tokens of reasoning among some tokens, without its marks. Where a mark is several tokens, those that
 * arrive together with it count as reasoning.
 */
export function countReasoning(
  tokenIds: readonly number[],
  { starts, ends }: ReasoningTokenIds,
  { isOpenBefore, isOpenAfter, hasReasoning }: ReasoningSpan,
): number {
  if (!isOpenBefore && !isOpenAfter && !hasReasoning) return 0;
  const start = isOpenBefore ? 0 : tokenIds.findIndex((id) => starts.has(id)) + 1;
  const found = isOpenAfter ? -1 : tokenIds.findIndex((id, at) => at >= start && ends.has(id));
  return Math.max(0, (found < 0 ? tokenIds.length : found) - start);
}
