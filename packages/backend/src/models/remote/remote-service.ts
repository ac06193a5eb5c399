import { setMaxListeners } from "node:events";
import { BackendError, EngineRequestError } from "../../errors.ts";
import type { CallEvent, Operation } from "../../operations/operation.ts";
import type { CallOptions, ModelService, ModelState } from "../model-service.ts";
import { createModelList } from "./model-list.ts";
import { createRemoteClient } from "./remote-client.ts";
import { remoteGenerate } from "./remote-generate.ts";
import type { RemoteOperation } from "./remote-operation.ts";
import { resolveRemoteOptions, type RemoteServiceOptions } from "./remote-options.ts";
import { remoteDescribePrompt, remoteTokenize } from "./remote-tokenize.ts";

/** The operations of remote servers: a new operation is a file and a line here. */
const remoteOperations: readonly RemoteOperation<never, CallEvent>[] = [
  remoteGenerate,
  remoteTokenize,
  remoteDescribePrompt,
];

/** A server with OpenAI's API on another machine, or in another process of this one. */
export interface RemoteService extends ModelService {
  /** The state of the server as a whole; `models()` has the state of each model. */
  readonly state: ModelState;
  /** Why it is not ready, for people; empty when ready. */
  reasons(): readonly string[];
  /**
   * Refreshes the list of models now.
   * @throws BackendError `ENGINE_UNAVAILABLE`, `ENGINE_PROTOCOL`
   */
  refresh(): Promise<void>;
}

function findOperation(name: string): RemoteOperation<never, CallEvent> {
  const found = remoteOperations.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = remoteOperations.map((each) => each.name).join(", ");
  const message = `expected an operation of ${names}, got ${JSON.stringify(name)}`;
  throw new EngineRequestError({ code: "UNKNOWN_OPERATION", message });
}

/** Rejects with the signal's reason as soon as it is aborted. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/**
 * Creates a service over a server with OpenAI's API, such as another Infernode, vLLM or llama.cpp's server. Requests
 * the list of models immediately and then every `refreshIntervalMs` until it is disposed.
 * @throws BackendError `INVALID_CONFIG`
 */
export function createRemoteService(options: RemoteServiceOptions): RemoteService {
  const resolved = resolveRemoteOptions(options);
  const { baseUrl, clock } = resolved;
  const client = createRemoteClient(resolved, (reason) => list.noteUnreachable(reason));
  const list = createModelList(resolved, client);
  const running = new Set<AbortController>();
  let ending: "draining" | "stopped" | undefined;
  const onIdle = new Set<() => void>();

  const endingReasons = (): readonly string[] =>
    ending === "draining"
      ? ["draining: running calls finish, new ones are refused"]
      : ["the service was disposed"];
  const failAll = (message: string): void => {
    for (const each of running) each.abort(new BackendError("ENGINE_UNAVAILABLE", message));
  };

  async function* call<Input, Event extends CallEvent>(
    operation: Operation<Input, Event>,
    input: Input,
    { modelId, signal }: CallOptions,
  ): AsyncGenerator<Event> {
    signal?.throwIfAborted();
    if (ending !== undefined) throw new BackendError("ENGINE_UNAVAILABLE", endingReasons().join("; "));
    const own = new AbortController();
    // A call may have one listener per HTTP request.
    setMaxListeners(0, own.signal);
    const onAbort = (): void => own.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    running.add(own);
    try {
      const model = await untilAborted(list.find(modelId), own.signal);
      // The name determines the types of input and events.
      const remote = findOperation(operation.name) as unknown as RemoteOperation<Input, Event>;
      for await (const event of remote.run({ client, model, clock }, input, own.signal)) {
        yield event;
        own.signal.throwIfAborted();
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      running.delete(own);
      own.abort();
      if (running.size === 0) for (const end of onIdle) end();
    }
  }

  const drain = async (timeoutMs: number): Promise<void> => {
    if (ending === undefined) ending = "draining";
    if (running.size === 0) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        onIdle.delete(end);
        resolve();
      };
      const timer = setTimeout(() => {
        failAll(`the request did not finish within the drain time of ${timeoutMs} ms`);
        end();
      }, timeoutMs);
      onIdle.add(end);
    });
  };
  const dispose = async (): Promise<void> => {
    ending = "stopped";
    const message = `the service of ${baseUrl} was disposed`;
    list.dispose(new BackendError("ENGINE_UNAVAILABLE", message));
    failAll(message);
  };

  return {
    get state() {
      return ending ?? list.state;
    },
    reasons: () => (ending === undefined ? list.reasons : endingReasons()),
    models: () => {
      const statuses = list.statuses();
      if (ending === undefined) return statuses;
      const state = ending;
      return statuses.map((status) => Object.assign({}, status, { state, reasons: endingReasons() }));
    },
    call,
    refresh: () => list.refresh(),
    drain: ({ timeoutMs }) => drain(timeoutMs),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
