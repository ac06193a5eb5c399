import { createModelList, type ModelList } from "../../models/remote/model-list.ts";
import { createRemoteClient } from "../../models/remote/remote-client.ts";
import { resolveRemoteOptions } from "../../models/remote/remote-options.ts";
import type { Backend } from "../router.ts";
import type { KnownBackend, LiveBackendTable } from "./backend-table.ts";
import { createListeners } from "./listeners.ts";

/** A server with OpenAI's API that the configuration names. */
export interface StaticBackend {
  readonly id: string;
  readonly url: string;
  /** Sent as a bearer token. */
  readonly apiKey: string | undefined;
  /** Ids of the models to use; `undefined`: all that it lists. */
  readonly models: readonly string[] | undefined;
}

/** How static backends are watched. Defaults in brackets. */
export interface StaticBackendsOptions {
  /** Interval between requests for their lists of models. */
  readonly intervalMs: number;
  /** [the platform's] */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

interface Watched {
  readonly backend: Backend;
  readonly list: ModelList;
}

function describe({ backend, list }: Watched): KnownBackend {
  return {
    backend,
    isHealthy: list.state === "ready",
    models: list.statuses().map(({ id, aliases, state, model }) => ({
      id,
      aliases,
      isReady: state === "ready",
      contextTokens: model?.contextTokens,
    })),
  };
}

/**
 * Creates a table of servers that are asked for their models at an interval: one that answers is healthy.
 * @throws BackendError `INVALID_CONFIG`
 */
export function createStaticBackends(
  backends: readonly StaticBackend[],
  { intervalMs, fetch }: StaticBackendsOptions,
): LiveBackendTable {
  const { subscribe, call } = createListeners();
  let current: readonly KnownBackend[] | undefined;
  const changed = (): void => {
    current = undefined;
    call();
  };
  const watch = ({ id, url, apiKey, models }: StaticBackend): Watched => {
    const options = resolveRemoteOptions({
      url,
      apiKey,
      models,
      refreshIntervalMs: intervalMs,
      requestTimeoutMs: Math.max(intervalMs, 1000),
      fetch,
    });
    const client = createRemoteClient(options, () => undefined);
    const headers: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    return {
      backend: Object.freeze({ id, url: new URL(url), headers, source: "static" }),
      list: createModelList(options, client, changed),
    };
  };
  const watched = backends.map(watch);

  return {
    list: () => (current ??= watched.map(describe)),
    subscribe,
    dispose() {
      for (const { list } of watched) list.dispose(new Error("the gateway no longer watches the backend"));
    },
  };
}
