import type {
  BackendTable,
  KnownBackend,
  ReportedLoad,
} from "../../../../src/gateway/backends/backend-table.ts";
import type { RouteRequest } from "../../../../src/gateway/router.ts";
import type { RouterClock, RoutingSettings } from "../../../../src/gateway/routing/router-options.ts";

/** A table that a test changes. */
export interface TestTable extends BackendTable {
  set(backends: readonly KnownBackend[]): void;
}

export function createTable(initial: readonly KnownBackend[]): TestTable {
  let backends = initial;
  const listeners = new Set<() => void>();
  return {
    list: () => backends,
    set(next) {
      backends = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

interface KnownParts {
  readonly isHealthy?: boolean;
  readonly isReady?: boolean;
  readonly weight?: number;
  readonly load?: ReportedLoad;
}

export function known(id: string, models: readonly string[], parts: KnownParts = {}): KnownBackend {
  const { isHealthy = true, isReady = true, weight, load } = parts;
  return {
    backend: { id, url: new URL(`http://${id}.example`), headers: {}, source: "static" },
    isHealthy,
    weight,
    models: models.map((name) => ({
      id: name,
      aliases: [`${name}-alias`],
      isReady,
      contextTokens: 100,
      load,
    })),
  };
}

/** A clock that a test moves. */
export interface TestClock extends RouterClock {
  pass(ms: number): void;
}

export function createTestClock(): TestClock {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly act: () => void }>();
  return {
    now: () => nowMs,
    after(ms, act) {
      const timer = { atMs: nowMs + ms, act };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass(ms) {
      nowMs += ms;
      for (const timer of [...timers].sort((a, b) => a.atMs - b.atMs)) {
        if (timer.atMs <= nowMs && timers.delete(timer)) timer.act();
      }
    },
  };
}

export const request: RouteRequest = {
  model: "tiny",
  path: "/v1/chat/completions",
  headers: {},
  promptCharacters: 0,
  prefixes: [],
  conversation: undefined,
  owner: undefined,
  keyName: undefined,
};

export const settings: RoutingSettings = {
  policy: "round-robin",
  rules: [],
  prefixLoadFactor: 1.25,
  maxInFlight: 100,
  maxQueued: 2,
  queueTimeoutMs: 1000,
  circuitFailures: 3,
  circuitOpenMs: 100,
};
