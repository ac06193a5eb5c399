const longestMs = 30_000;

/** How long to wait before a restart: doubles with each crash in a row. */
export function restartDelayMs(crashCount: number, firstMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(crashCount - 1, 30), longestMs);
}
