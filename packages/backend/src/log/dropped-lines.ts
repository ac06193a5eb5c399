/** Lines of a slow reader that are kept in memory; further lines are dropped. */
export const maxPendingBytes = 1_048_576;

/** Counts dropped log lines, and those that no notice in the log has reported yet. */
export interface DroppedLines {
  /** Since the start. */
  readonly totalCount: number;
  /** @param reportedCount lines that the dropped line itself reported as dropped */
  drop(reason: string, reportedCount?: number): void;
  /** Returns a log line that reports the unreported lines and marks them as reported; `undefined` if there are none. */
  takeNotice(): { readonly text: string; readonly lineCount: number } | undefined;
}

/** @param format makes a log line that says how many lines are missing, and why */
export function createDroppedLines(format: (lineCount: number, reason: string) => string): DroppedLines {
  let totalCount = 0;
  let unreportedCount = 0;
  let lastReason = "";
  return {
    get totalCount() {
      return totalCount;
    },
    drop(reason, reportedCount = 0) {
      totalCount += 1;
      unreportedCount += 1 + reportedCount;
      lastReason = reason;
    },
    takeNotice() {
      if (unreportedCount === 0) return undefined;
      const lineCount = unreportedCount;
      unreportedCount = 0;
      return { text: format(lineCount, lastReason), lineCount };
    },
  };
}
