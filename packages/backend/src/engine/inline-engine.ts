import { BackendError, EngineRequestError } from "../errors.ts";
import type { InfernodeEventSink } from "../events/event-bus.ts";
import { createEngineCore } from "./create-engine-core.ts";
import type { EngineClient, EngineRequest, EngineState, ServedModel } from "./engine-client.ts";
import type { CreateEngineCore, EngineCoreOptions } from "./engine-core.ts";
import { toErrorRecord } from "./error-record.ts";

/** What `createInlineEngine` takes. */
export interface InlineEngineOptions {
  readonly engine: EngineCoreOptions;
  /** [nobody] */
  readonly events?: InfernodeEventSink;
  /** [loads the model of `engine`] */
  readonly createCore?: CreateEngineCore;
}

/** An engine in this process: nothing to supervise, and a native crash takes the program with it. */
export interface InlineEngine extends EngineClient {
  readonly model: ServedModel;
  /** Runtime, version, threads. */
  readonly description: string;
}

/**
 * Loads a model and serves it in this process, with the same contract as the supervised engine.
 * @throws ModelError, MemoryError, InferenceError of the package that could not
 */
export async function createInlineEngine(options: InlineEngineOptions): Promise<InlineEngine> {
  const { createCore = createEngineCore, events = { emit: () => undefined } } = options;
  const core = await createCore(options.engine, { events });
  let state: EngineState = "ready";
  let disposal: Promise<void> | undefined;

  const reasons = (): readonly string[] => {
    if (state === "ready") return [];
    return state === "draining" ? ["the engine is draining"] : ["the engine was disposed"];
  };
  const assertReady = (): void => {
    if (state !== "ready") throw new BackendError("ENGINE_UNAVAILABLE", reasons().join("; "));
  };
  /** Errors look the same wherever the engine runs. */
  const wrap = (cause: unknown): EngineRequestError =>
    new EngineRequestError(toErrorRecord(cause), { cause });
  const dispose = (): Promise<void> => {
    state = "stopped";
    disposal ??= core.dispose();
    return disposal;
  };

  return {
    get state() {
      return state;
    },
    model: core.model,
    description: core.description,
    stats: () => (state === "stopped" ? undefined : core.stats()),
    reasons,
    async *generate(request: EngineRequest, signal: AbortSignal) {
      signal.throwIfAborted();
      assertReady();
      try {
        yield* core.generate(request, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw wrap(error);
      }
    },
    tokenize: async (prompt, signal) => {
      assertReady();
      try {
        return await core.tokenize(prompt, signal);
      } catch (error) {
        signal?.throwIfAborted();
        throw wrap(error);
      }
    },
    describePrompt: async (prompt, signal) => {
      assertReady();
      try {
        return await core.describePrompt(prompt, signal);
      } catch (error) {
        signal?.throwIfAborted();
        throw wrap(error);
      }
    },
    drain: async (drainOptions) => {
      if (state === "ready") state = "draining";
      await core.drain(drainOptions);
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
