import type { DiscoveryProvider, ServiceInstance } from "../../src/index.ts";

/** Reads lists of a watch until one matches. */
export async function untilList(
  provider: DiscoveryProvider,
  name: string,
  matches: (list: readonly ServiceInstance[]) => boolean,
): Promise<readonly ServiceInstance[]> {
  for await (const list of provider.watch(name)) {
    if (matches(list)) return list;
  }
  throw new Error(`expected a list of ${name} that matches, got the end of the watch`);
}

/** A clock whose sleeps end only when they are cut short. */
export const stoppedClock = {
  now: (): number => performance.now(),
  sleep: (_ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve());
    }),
};

/** A clock on which every sleep is over at once, and takes its time. */
export function createFastClock(): {
  readonly sleeps: readonly number[];
  now(): number;
  sleep(ms: number): Promise<void>;
} {
  const sleeps: number[] = [];
  let now = 0;
  return {
    sleeps,
    now: () => now,
    async sleep(ms) {
      sleeps.push(ms);
      now += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
