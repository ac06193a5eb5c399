import { BackendError, EngineRequestError } from "../../errors.ts";
import type { InfernodeEventSink } from "../../events/event-bus.ts";
import { createEngineCore } from "./create-engine-core.ts";
import type { CallOptions, EngineState, LocalModel } from "../model-service.ts";
import type { AnyOperation, CallEvent, Operation } from "../../operations/operation.ts";
import { assertServes, statusOf, type EngineClient } from "./engine-client.ts";
import type { CreateEngineCore, EngineCoreOptions } from "./engine-core.ts";
import { toErrorRecord } from "../error-record.ts";

/** What `createInlineEngine` takes. */
export interface InlineEngineOptions {
  readonly engine: EngineCoreOptions;
  /** [ignored] */
  readonly events?: InfernodeEventSink;
  /** [the operations of this package] */
  readonly operations?: readonly AnyOperation[];
  /** [loads the model of `engine`] */
  readonly createCore?: CreateEngineCore;
}

/** An engine in this process, without supervision: a native crash ends the program. */
export interface InlineEngine extends EngineClient {
  readonly model: LocalModel;
  /** Runtime, version, threads. */
  readonly description: string;
}

/**
 * Loads a model and serves it in this process, with the same contract as the supervised engine.
 * @throws ModelError, MemoryError, InferenceError
 */
export async function createInlineEngine(options: InlineEngineOptions): Promise<InlineEngine> {
  const { createCore = createEngineCore, events = { emit: () => undefined } } = options;
  const core = await createCore(options.engine, { events, operations: options.operations });
  let state: EngineState = "ready";
  let disposal: Promise<void> | undefined;

  const reasons = (): readonly string[] => {
    if (state === "ready") return [];
    return [state === "draining" ? "the engine is draining" : "the engine was disposed of"];
  };
  const assertReady = (): void => {
    if (state !== "ready") throw new BackendError("ENGINE_UNAVAILABLE", reasons().join("; "));
  };
  /** Errors are the same as those of an engine process. */
  const wrap = (cause: unknown): EngineRequestError =>
    new EngineRequestError(toErrorRecord(cause), { cause });
  const dispose = (): Promise<void> => {
    state = "stopped";
    disposal ??= core.dispose();
    return disposal;
  };

  async function* call<Input, Event extends CallEvent>(
    operation: Operation<Input, Event>,
    input: Input,
    { modelId, signal = new AbortController().signal }: CallOptions,
  ): AsyncGenerator<Event> {
    signal.throwIfAborted();
    assertReady();
    assertServes(core.model, modelId);
    try {
      // The events of a call are those of its operation.
      yield* core.call(operation.name, input, signal) as AsyncIterable<Event>;
    } catch (error) {
      signal.throwIfAborted();
      throw wrap(error);
    }
  }

  const client: InlineEngine = {
    get state() {
      return state;
    },
    id: core.model.id,
    model: core.model,
    description: core.description,
    stats: () => (state === "stopped" ? undefined : core.stats()),
    reasons,
    models: () => statusOf(client),
    call,
    drain: async (drainOptions) => {
      if (state === "ready") state = "draining";
      await core.drain(drainOptions);
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
  return client;
}
