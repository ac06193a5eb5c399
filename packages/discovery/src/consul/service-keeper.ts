import { isDeepStrictEqual } from "node:util";
import type { ServiceInstance } from "../discovery-provider.ts";
import type { ConsulClient } from "./consul-client.ts";
import type { ResolvedConsulOptions } from "./consul-options.ts";
import { createSleeper, retryDelayMs } from "./retry.ts";

/** Keeps what Consul knows of one id as it is wanted, for as long as it is wanted. */
export interface ServiceKeeper {
  /** Whether Consul has what is wanted, as far as the last request showed. */
  readonly isConfirmed: boolean;
  /** Why the last request failed. */
  readonly failure: string | undefined;
  /**
   * Sets what Consul should know; `undefined`: nothing. Resolves when a request has told it, or has failed, in which
   * case it is tried again until it succeeds. An update of what cannot be told now resolves at once.
   */
  want(instance: ServiceInstance | undefined): Promise<void>;
  /** Stops trying and confirming. */
  dispose(): void;
}

/** What a keeper needs. */
export interface ServiceKeeperContext {
  readonly id: string;
  readonly client: Pick<ConsulClient, "register" | "confirm" | "deregister">;
  readonly options: ResolvedConsulOptions;
  /** Called after each request with its error. */
  readonly onOutcome: (error: unknown) => void;
}

/** Creates a keeper that wants nothing yet. */
export function createServiceKeeper({ id, client, options, onOutcome }: ServiceKeeperContext): ServiceKeeper {
  const { clock, ttlMs, retry, random, stallReason } = options;
  const sleeper = createSleeper(clock);
  let wanted: ServiceInstance | undefined;
  /** What Consul has acknowledged; `undefined` if that is not known. */
  let told: ServiceInstance | undefined;
  let mayBeRegistered = false;
  let failureCount = 0;
  let failure: string | undefined;
  let isRunning = false;
  let isDisposed = false;
  let waiting: (() => void)[] = [];

  async function tell(instance: ServiceInstance): Promise<void> {
    const reason = stallReason(instance);
    const state = reason === undefined ? instance.state : "critical";
    // First, as the check of a registration that is replaced keeps its state.
    const isKnown = await client.confirm(id, state, reason ?? "");
    if (!isKnown || told === undefined || !isSameRegistration(told, instance)) {
      mayBeRegistered = true;
      told = undefined;
      await client.register({ ...instance, state });
    }
    told = instance;
  }

  async function attempt(): Promise<void> {
    const target = wanted;
    if (target !== undefined) return tell(target);
    await client.deregister(id);
    told = undefined;
    mayBeRegistered = false;
  }

  const hasWork = (): boolean => !isDisposed && (wanted !== undefined || mayBeRegistered);

  async function run(): Promise<void> {
    isRunning = true;
    while (hasWork()) {
      const served = waiting;
      waiting = [];
      const target = wanted;
      try {
        await attempt();
        failureCount = 0;
        failure = undefined;
        onOutcome(undefined);
      } catch (error) {
        failureCount += 1;
        failure = error instanceof Error ? error.message : String(error);
        onOutcome(error);
      }
      for (const done of served) done();
      if (failureCount === 0 && wanted !== target) continue;
      if (failureCount === 0 && wanted === undefined) break;
      await sleeper.sleep(failureCount === 0 ? ttlMs / 3 : retryDelayMs(failureCount, { ...retry, random }));
    }
    isRunning = false;
    for (const done of waiting.splice(0)) done();
  }

  return {
    get isConfirmed() {
      return failureCount === 0 && told === wanted;
    },
    get failure() {
      return failure;
    },
    want(instance) {
      const isUpdate = wanted !== undefined && instance !== undefined;
      wanted = instance;
      // While Consul does not answer, updates of the load must not ask it more often than retries do.
      if (isUpdate && failureCount > 0) return Promise.resolve();
      const attempted = new Promise<void>((resolve) => void waiting.push(resolve));
      if (isRunning) sleeper.wake();
      else void run();
      return attempted;
    },
    dispose() {
      isDisposed = true;
      sleeper.wake();
    },
  };
}

function isSameRegistration(
  { state: _a, ...a }: ServiceInstance,
  { state: _b, ...b }: ServiceInstance,
): boolean {
  return isDeepStrictEqual(a, b);
}
