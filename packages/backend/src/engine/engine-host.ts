import type { InfernodeEvent } from "../events/event-map.ts";
import type { CreateEngineCore, EngineCore, EngineCoreOptions, EngineVitals } from "./engine-core.ts";
import type { EngineRequest } from "./engine-client.ts";
import { toErrorRecord } from "./error-record.ts";
import type { CallReply, DaemonMessage, EngineMessage, PromptReply } from "./protocol.ts";

export interface EngineHostOptions {
  readonly createCore: CreateEngineCore;
  readonly send: (message: EngineMessage) => void;
  /** Called once when all is put away; the process may end. */
  readonly onShutdown: (exitCode: number) => void;
}

/** The engine's side of the channel. */
export interface EngineHost {
  receive(message: DaemonMessage): void;
  /** Puts the engine away, as when the daemon is gone. */
  shutdown(exitCode: number): Promise<void>;
}

/** Creates the host of one engine; it is made when the `start` message comes. */
export function createEngineHost(options: EngineHostOptions): EngineHost {
  const { send } = options;
  const running = new Map<number, AbortController>();
  let core: EngineCore | undefined;
  let replies: (readonly [number, CallReply])[] = [];
  let events: InfernodeEvent[] = [];
  let isFlushScheduled = false;
  let statsTimer: NodeJS.Timeout | undefined;
  let isShuttingDown = false;

  const sendBatch = (vitals: EngineVitals | undefined): void => {
    if (core === undefined) return;
    const batch: EngineMessage = { type: "batch", replies, events, stats: core.stats(), vitals };
    replies = [];
    events = [];
    send(batch);
  };
  const flush = (): void => {
    isFlushScheduled = false;
    sendBatch(undefined);
  };
  // All that a step gives out comes in the microtasks after it; one message takes it all.
  const scheduleFlush = (): void => {
    if (isFlushScheduled) return;
    isFlushScheduled = true;
    queueMicrotask(() => process.nextTick(flush));
  };
  const reply = (callId: number, message: CallReply): void => {
    replies.push([callId, message]);
    scheduleFlush();
  };

  const start = async (coreOptions: EngineCoreOptions, statsIntervalMs: number): Promise<void> => {
    const startedAtMs = performance.now();
    try {
      core = await options.createCore(coreOptions, {
        events: {
          emit: (...event) => {
            events.push(event);
            scheduleFlush();
          },
        },
      });
    } catch (error) {
      send({ type: "start-failed", error: toErrorRecord(error) });
      return shutdown(1);
    }
    send({
      type: "ready",
      model: core.model,
      description: core.description,
      loadMs: performance.now() - startedAtMs,
    });
    const tellVitals = (): void => sendBatch(core?.vitals());
    tellVitals();
    statsTimer = setInterval(tellVitals, statsIntervalMs);
  };

  const generate = async (callId: number, request: EngineRequest): Promise<void> => {
    const controller = new AbortController();
    running.set(callId, controller);
    try {
      if (core === undefined) throw new Error("the engine is not ready");
      for await (const each of core.generate(request, controller.signal)) reply(callId, each);
    } catch (error) {
      if (!controller.signal.aborted) reply(callId, { type: "failed", error: toErrorRecord(error) });
    } finally {
      running.delete(callId);
    }
  };

  const answerPrompt = async (
    callId: number,
    answer: (ready: EngineCore) => Promise<PromptReply>,
  ): Promise<void> => {
    try {
      if (core === undefined) throw new Error("the engine is not ready");
      reply(callId, await answer(core));
    } catch (error) {
      reply(callId, { type: "failed", error: toErrorRecord(error) });
    }
  };

  const drain = async (timeoutMs: number): Promise<void> => {
    await core?.drain({ timeoutMs });
    // The last replies were made, and are read in microtasks.
    setImmediate(() => {
      flush();
      send({ type: "drained" });
    });
  };

  const shutdown = async (exitCode: number): Promise<void> => {
    if (isShuttingDown) return;
    isShuttingDown = true;
    clearInterval(statsTimer);
    for (const controller of running.values()) controller.abort();
    try {
      await core?.dispose();
    } finally {
      options.onShutdown(exitCode);
    }
  };

  const receive = (message: DaemonMessage): void => {
    switch (message.type) {
      case "start":
        return void start(message.options, message.statsIntervalMs);
      case "generate":
        return void generate(message.callId, message.request);
      case "cancel":
        return running.get(message.callId)?.abort();
      case "tokenize":
        return void answerPrompt(message.callId, async (ready) => ({
          type: "tokens",
          tokenIds: await ready.tokenize(message.prompt),
        }));
      case "describe":
        return void answerPrompt(message.callId, async (ready) => ({
          type: "description",
          description: await ready.describePrompt(message.prompt),
        }));
      case "drain":
        return void drain(message.timeoutMs);
      case "shutdown":
        return void shutdown(0);
    }
  };
  return { receive, shutdown };
}
