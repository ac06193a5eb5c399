import { isDeepStrictEqual } from "node:util";
import type { ServiceInstance } from "../discovery-provider.ts";
import type { LatestSource } from "../latest-iterable.ts";
import type { ConsulClient } from "./consul-client.ts";
import type { ResolvedConsulOptions } from "./consul-options.ts";
import { createSleeper, retryDelayMs, type Sleeper } from "./retry.ts";

type Listener = Parameters<LatestSource<object>["subscribe"]>[0];

/** A list that Consul gave, and when. */
export interface KnownList {
  readonly instances: readonly ServiceInstance[];
  /** Of the clock of the options: when Consul last said that the list is so. */
  readonly atMs: number;
}

/** What is known of the services of one name, kept up to date while somebody watches. */
export interface ServiceWatch extends LatestSource<readonly ServiceInstance[]> {
  /** The last list that Consul gave. */
  readonly known: KnownList | undefined;
  readonly isWatched: boolean;
  /** Notes a list that was read otherwise. */
  note(instances: readonly ServiceInstance[]): void;
  /** Ends all subscriptions. */
  dispose(): void;
}

/** What a watch needs. */
export interface ServiceWatchContext {
  readonly name: string;
  readonly client: Pick<ConsulClient, "readService">;
  readonly options: ResolvedConsulOptions;
  /** Called after each request with its error. */
  readonly onOutcome: (error: unknown) => void;
}

/** Creates a watch of a name; it asks Consul from the first subscriber to the last. */
export function createServiceWatch({ name, client, options, onOutcome }: ServiceWatchContext): ServiceWatch {
  const { clock, retry, random } = options;
  const listeners = new Set<Listener>();
  let known: KnownList | undefined;
  /** The list that subscribers have; `undefined` until the first request of this round of watching is over. */
  let shown: readonly ServiceInstance[] | undefined;
  let stop: (() => void) | undefined;

  function show(instances: readonly ServiceInstance[]): void {
    if (shown !== undefined && isDeepStrictEqual(shown, instances)) return;
    shown = instances;
    for (const listener of listeners) listener.changed();
  }

  async function run(signal: AbortSignal, sleeper: Sleeper): Promise<void> {
    let index = 0n;
    let failureCount = 0;
    while (!signal.aborted) {
      try {
        const askedAtMs = clock.now();
        const reading = await client.readService(name, { index, signal });
        if (signal.aborted) return;
        failureCount = 0;
        onOutcome(undefined);
        known = { instances: reading.instances, atMs: clock.now() };
        show(reading.instances);
        const isBusy = reading.index <= index && known.atMs - askedAtMs < retry.minMs;
        index = nextIndex(index, reading.index);
        // A server that does not wait must not be asked without a pause.
        if (isBusy) await sleeper.sleep(retry.minMs);
      } catch (error) {
        if (signal.aborted) return;
        failureCount += 1;
        // A Consul that was started anew counts from the beginning: an old index would wait for long.
        index = 0n;
        onOutcome(error);
        if (known !== undefined) show(known.instances);
        await sleeper.sleep(retryDelayMs(failureCount, { ...retry, random }));
      }
    }
  }

  function start(): () => void {
    const controller = new AbortController();
    const sleeper = createSleeper(clock);
    void run(controller.signal, sleeper);
    return () => {
      controller.abort();
      sleeper.wake();
    };
  }

  return {
    get known() {
      return known;
    },
    get isWatched() {
      return listeners.size > 0;
    },
    note(instances) {
      known = { instances, atMs: clock.now() };
    },
    read: () => shown,
    subscribe(listener) {
      listeners.add(listener);
      stop ??= start();
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        stop?.();
        stop = undefined;
        shown = undefined;
      };
    },
    dispose() {
      for (const listener of listeners) listener.ended();
    },
  };
}

/**
 * The index to wait for a change after: from the beginning if it went back, and never 0 after an answer, which would
 * not wait.
 * @see https://developer.hashicorp.com/consul/api-docs/features/blocking#implementation-details
 */
export function nextIndex(previous: bigint, received: bigint): bigint {
  if (received < previous) return 0n;
  return received === 0n ? 1n : received;
}
