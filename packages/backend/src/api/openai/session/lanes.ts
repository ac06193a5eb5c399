/** Work in lanes: that of one lane is done one after the other, that of different lanes at the same time. */
export interface Lanes {
  /** Work that runs or waits. */
  readonly size: number;
  /** @param work must not reject */
  add(laneId: string | undefined, work: () => Promise<void>): void;
  /** Resolves when what runs or waits now is done. */
  idle(): Promise<void>;
}

/** Creates lanes without work. A lane exists while it has work. */
export function createLanes(): Lanes {
  const last = new Map<string | undefined, Promise<void>>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(laneId, work) {
      size += 1;
      const before = last.get(laneId) ?? Promise.resolve();
      const done = before.then(work).finally(() => {
        size -= 1;
        if (last.get(laneId) === done) last.delete(laneId);
      });
      last.set(laneId, done);
    },
    async idle() {
      await Promise.all(last.values());
    },
  };
}
