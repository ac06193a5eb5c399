/** Kept for a reader that is slow; beyond it lines are dropped. */
export const maxPendingBytes = 1_048_576;

/** How often a writer that may not wait looks whether it can go on. */
export const retryMs = 50;
