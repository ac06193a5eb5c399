/** How much memory a model needs, and how much it can use. */
export interface MemoryDemand {
  /** At the smallest sizes that it can be served with. */
  readonly minBytes: number;
  /** At the largest sizes. */
  readonly maxBytes: number;
}

/**
 * Divides memory between models. In order, each gets its minimum as long as enough is left. The rest is shared evenly;
 * a model at its maximum leaves its share to the others, and what no model can use is shared evenly as well. A model
 * that does not fit gets what was left.
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
