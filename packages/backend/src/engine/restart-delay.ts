const longestMs = 30_000;

/** How long to wait before a restart: doubles with each crash in a row, or each attempt that failed. */
export function restartDelayMs(crashCount: number, firstMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(Math.max(crashCount - 1, 0), 30), longestMs);
}
