/** How much memory a model needs, and how much it can use. */
export interface MemoryDemand {
  /** In the smallest sizes that it may be served with. */
  readonly minBytes: number;
  /** In the largest ones. */
  readonly maxBytes: number;
}

/**
 * Divides memory between models. In order, each gets the least that it needs, as long as that is left; the rest is
 * shared evenly, where a model that can use no more leaves its part to the others. What nobody can use is shared
 * evenly as well. A model that does not fit is answered what was left for it.
 */
export function divideMemory(
  demands: ReadonlyMap<string, MemoryDemand>,
  totalBytes: number,
): ReadonlyMap<string, number> {
  const parts = new Map<string, number>();
  let restBytes = totalBytes;
  for (const [id, { minBytes }] of demands) {
    if (minBytes > restBytes) continue;
    parts.set(id, minBytes);
    restBytes -= minBytes;
  }
  const fitting = [...parts.keys()];
  for (const id of demands.keys()) if (!parts.has(id)) parts.set(id, restBytes);

  const share = (wishOf: (id: string) => number): void => {
    const byWish = fitting.toSorted((a, b) => wishOf(a) - wishOf(b));
    for (const [index, id] of byWish.entries()) {
      const bytes = Math.min(wishOf(id), Math.floor(restBytes / (byWish.length - index)));
      parts.set(id, (parts.get(id) ?? 0) + bytes);
      restBytes -= bytes;
    }
  };
  share((id) => Math.max(0, (demands.get(id)?.maxBytes ?? 0) - (parts.get(id) ?? 0)));
  share(() => restBytes);
  return parts;
}
