import { createResolvers } from "./async-queue.ts";
import type { CreateEngineCore, EngineCore, EngineCoreOptions } from "./engine-core.ts";
import type { EngineRequest, Prompt } from "./engine-client.ts";
import { createEngineOutbox, type SendToDaemon } from "./engine-outbox.ts";
import { toErrorRecord } from "./error-record.ts";
import type { DaemonMessage, PromptReply } from "./protocol.ts";

interface RunningCall {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
  /** While the call's reader is behind: opened when it has caught up. */
  gate: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
}

export interface EngineHostOptions {
  readonly createCore: CreateEngineCore;
  readonly send: SendToDaemon;
  /** Called once when all is put away; the process may end. */
  readonly onShutdown: (exitCode: number) => void;
}

/** The engine's side of the channel. */
export interface EngineHost {
  receive(message: DaemonMessage): void;
  /** Puts the engine away, as when the daemon is gone. */
  shutdown(exitCode: number): Promise<void>;
}

type PromptWork = (ready: EngineCore, signal: AbortSignal) => Promise<PromptReply>;

/** Creates the host of one engine; it is made when the `start` message comes. */
export function createEngineHost(options: EngineHostOptions): EngineHost {
  const { send } = options;
  const running = new Map<number, RunningCall>();
  let core: EngineCore | undefined;
  let statsTimer: NodeJS.Timeout | undefined;
  let isShuttingDown = false;
  const outbox = createEngineOutbox({ send, stats: () => core?.stats() });

  const start = async (coreOptions: EngineCoreOptions, statsIntervalMs: number): Promise<void> => {
    const startedAtMs = performance.now();
    try {
      core = await options.createCore(coreOptions, {
        events: { emit: (...event) => outbox.event(event) },
      });
    } catch (error) {
      return send({ type: "start-failed", error: toErrorRecord(error) }, () => void shutdown(1));
    }
    const ready = core;
    const { model, description } = ready;
    const loadMs = performance.now() - startedAtMs;
    send({ type: "ready", model, description, loadMs }, () => undefined);
    outbox.tell(ready.vitals());
    statsTimer = setInterval(() => outbox.tell(ready.vitals()), statsIntervalMs);
  };

  const answer = async (callId: number, request: EngineRequest, signal: AbortSignal): Promise<void> => {
    try {
      if (core === undefined) throw new Error("the engine is not ready");
      for await (const each of core.generate(request, signal)) {
        outbox.reply(callId, each);
        if (outbox.room !== undefined) await outbox.room;
        const gate = running.get(callId)?.gate;
        if (gate !== undefined) await gate.promise;
      }
    } catch (error) {
      if (!signal.aborted) outbox.reply(callId, { type: "failed", error: toErrorRecord(error) });
    } finally {
      running.delete(callId);
    }
  };
  const begin = (callId: number, run: (signal: AbortSignal) => Promise<void>): void => {
    const controller = new AbortController();
    // It ends in a later turn of the microtasks, when it is known here.
    const ended = Promise.resolve().then(() => run(controller.signal));
    running.set(callId, { controller, ended, gate: undefined });
  };
  const resume = (call: RunningCall | undefined): void => {
    call?.gate?.resolve();
    if (call !== undefined) call.gate = undefined;
  };
  const pause = (callId: number): void => {
    const call = running.get(callId);
    if (call !== undefined && !call.controller.signal.aborted) call.gate ??= createResolvers<void>();
  };
  const cancel = (callId: number): void => {
    const call = running.get(callId);
    call?.controller.abort();
    resume(call);
  };

  const answerPrompt = async (callId: number, work: PromptWork, signal: AbortSignal): Promise<void> => {
    try {
      if (core === undefined) throw new Error("the engine is not ready");
      outbox.reply(callId, await work(core, signal));
    } catch (error) {
      if (!signal.aborted) outbox.reply(callId, { type: "failed", error: toErrorRecord(error) });
    } finally {
      running.delete(callId);
    }
  };

  const tokenize =
    (prompt: Prompt): PromptWork =>
    async (ready, signal) => ({ type: "tokens", tokenIds: await ready.tokenize(prompt, signal) });
  const describe =
    (prompt: Prompt): PromptWork =>
    async (ready, signal) => ({
      type: "description",
      description: await ready.describePrompt(prompt, signal),
    });

  const drain = async (timeoutMs: number): Promise<void> => {
    await core?.drain({ timeoutMs });
    // The last replies were made; they are read when the calls have ended.
    await Promise.all([...running.values()].map(({ ended }) => ended));
    await outbox.flush();
    send({ type: "drained" }, () => undefined);
  };

  const shutdown = async (exitCode: number): Promise<void> => {
    if (isShuttingDown) return;
    isShuttingDown = true;
    clearInterval(statsTimer);
    for (const callId of running.keys()) cancel(callId);
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
        return begin(message.callId, (signal) => answer(message.callId, message.request, signal));
      case "cancel":
        return cancel(message.callId);
      case "pause":
        return pause(message.callId);
      case "resume":
        return resume(running.get(message.callId));
      case "tokenize":
        return begin(message.callId, (signal) =>
          answerPrompt(message.callId, tokenize(message.prompt), signal),
        );
      case "describe":
        return begin(message.callId, (signal) =>
          answerPrompt(message.callId, describe(message.prompt), signal),
        );
      case "drain":
        return void drain(message.timeoutMs);
      case "shutdown":
        return void shutdown(0);
    }
  };
  return { receive, shutdown };
}
