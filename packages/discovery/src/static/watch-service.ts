import { isDeepStrictEqual } from "node:util";
import type { ServiceInstance, ServiceRegistration } from "../discovery-provider.ts";
import type { InstanceStore } from "../instance-store.ts";
import { parseServiceRegistration, parseServiceState } from "../service-registration.ts";
import type { ResolvedStaticOptions } from "./static-options.ts";

/** What the last look at a service showed. */
export interface CheckedService {
  readonly id: string;
  /** Whether it answered; `undefined` before the first look is over. */
  readonly isAnswering: boolean | undefined;
  /** Why it did not. */
  readonly reason: string | undefined;
  /** Since it answered; `undefined` if it never did. */
  readonly answerAgeMs: number | undefined;
}

/** More instances in the place of one service are not used. */
const maxInstances = 256;

/** A service that is looked at. */
export interface WatchedService {
  /** Tells of the last look. */
  readonly read: () => CheckedService;
  /** Resolves after the first look. */
  readonly looked: Promise<void>;
}

/** Looks at one service until the signal aborts; keeps what is there in the store. */
export function watchService(
  service: ServiceRegistration,
  { store, options, signal }: WatchServiceContext,
): WatchedService {
  const { clock } = options;
  let own: readonly ServiceInstance[] = [];
  let isAnswering: boolean | undefined;
  let reason: string | undefined;
  let answeredAtMs: number | undefined;

  /** Replaces the instances of this service. */
  function put(next: readonly ServiceInstance[]): void {
    const change = {
      put: next.filter((each) => !isDeepStrictEqual(store.get(each.id), each)),
      remove: own.filter(({ id }) => next.every((each) => each.id !== id)),
    };
    own = next;
    if (change.put.length > 0 || change.remove.length > 0) store.change(change);
  }

  const isFree = (id: string): boolean => store.get(id) === undefined || own.some((each) => each.id === id);

  async function look(): Promise<void> {
    try {
      const found = parse(await within(service, { options, signal }));
      const taken = found.find(({ id }) => !isFree(id));
      if (taken !== undefined) throw new Error(`expected ids of its own, got "${taken.id}", which is taken`);
      if (signal.aborted) return;
      [isAnswering, reason, answeredAtMs] = [true, undefined, clock.now()];
      put(found);
    } catch (error) {
      if (signal.aborted) return;
      [isAnswering, reason] = [false, error instanceof Error ? error.message : String(error)];
      put(own.map((each) => Object.assign({}, each, { state: "critical" as const })));
    }
  }

  async function goOn(): Promise<void> {
    await clock.sleep(options.intervalMs, signal);
    while (!signal.aborted) {
      await look();
      await clock.sleep(options.intervalMs, signal);
    }
  }

  put([{ ...service, state: "critical" }]);
  const looked = look();
  void looked.then(goOn);
  return {
    looked,
    read: () => ({
      id: service.id,
      isAnswering,
      reason,
      answerAgeMs: answeredAtMs === undefined ? undefined : clock.now() - answeredAtMs,
    }),
  };
}

interface WatchServiceContext {
  readonly store: InstanceStore;
  readonly options: ResolvedStaticOptions;
  readonly signal: AbortSignal;
}

/** Checks a service; rejects after the time limit, also where the check goes on. */
async function within(
  service: ServiceRegistration,
  { options, signal }: Pick<WatchServiceContext, "options" | "signal">,
): Promise<readonly ServiceInstance[]> {
  const { clock, check, timeoutMs } = options;
  const ending = new AbortController();
  const late = clock.sleep(timeoutMs, AbortSignal.any([ending.signal, signal])).then(() => {
    throw new Error(`expected an answer within ${timeoutMs} ms, got none`);
  });
  try {
    return await Promise.race([check(service, AbortSignal.any([ending.signal, signal])), late]);
  } finally {
    // Ends what goes on: the check, or the wait.
    late.catch(() => undefined);
    ending.abort();
  }
}

/** What a check says is as little trusted as a registration. */
function parse(found: readonly ServiceInstance[]): readonly ServiceInstance[] {
  if (found.length > maxInstances) {
    throw new Error(`expected at most ${maxInstances} instances, got ${found.length}`);
  }
  const instances = found.map(({ state, ...service }) =>
    Object.assign({}, parseServiceRegistration(service), { state: parseServiceState(state) }),
  );
  const ids = new Set(instances.map(({ id }) => id));
  if (ids.size < instances.length) throw new Error("expected instances with unique ids, got one twice");
  return instances;
}
