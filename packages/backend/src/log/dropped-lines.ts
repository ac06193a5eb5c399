/** Lines that nobody took, and whether that has been said. */
export interface DroppedLines {
  /** Since the start. */
  readonly totalCount: number;
  /** @param announced lines that a notice spoke of which was lost as well */
  drop(reason: string, announced?: number): void;
  /** Of those that were not spoken of yet: answers the line that does, and counts it as said. */
  takeNotice(): { readonly text: string; readonly lineCount: number } | undefined;
}

/** @param format makes a line of the log that says how many lines are missing, and why */
export function createDroppedLines(format: (lineCount: number, reason: string) => string): DroppedLines {
  let totalCount = 0;
  let unsaidCount = 0;
  let lastReason = "";
  return {
    get totalCount() {
      return totalCount;
    },
    drop(reason, announced = 0) {
      totalCount += 1;
      unsaidCount += 1 + announced;
      lastReason = reason;
    },
    takeNotice() {
      if (unsaidCount === 0) return undefined;
      const lineCount = unsaidCount;
      unsaidCount = 0;
      return { text: format(lineCount, lastReason), lineCount };
    },
  };
}
