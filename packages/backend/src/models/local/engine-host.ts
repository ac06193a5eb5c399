import type { AvailableMemory } from "@infernode/memory";
import { createResolvers, type Resolvers } from "../../create-resolvers.ts";
import type { KernelVerdict } from "../gpu/kernel-verdict.ts";
import type { CreateEngineCore, EngineCore } from "../engine/engine-core.ts";
import type { InfernodeEvent } from "../../events/event-map.ts";
import { createMessageBatcher, type SendToDaemon } from "./message-batcher.ts";
import { toErrorRecord } from "../error-record.ts";
import type { DaemonMessage } from "./protocol.ts";
import { sendInParts } from "./send-in-parts.ts";

interface RunningCall {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
  /** Pending while the call's reader is behind. */
  gate: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
}

export interface EngineHostOptions {
  readonly createCore: CreateEngineCore;
  readonly send: SendToDaemon;
  /** Runs a small task on a new engine before it is ready, if the daemon asks for it. [none] */
  readonly selfTest?: (core: EngineCore) => Promise<void>;
  /** Called once when everything is disposed of; the process may exit. */
  readonly onShutdown: (exitCode: number) => void;
}

/** The engine's side of the channel. */
export interface EngineHost {
  receive(message: DaemonMessage): void;
  /** Fails the call of a message that could not be deserialized. */
  refuse(callId: number | undefined, error: unknown): void;
  /** Disposes of the engine. */
  shutdown(exitCode: number): Promise<void>;
}

/** Time for calls that had all of their answers to end after the device was lost. */
const lossGraceMs = 1000;

/** The code of errors of calls that the lost device failed. */
const deviceLost = "DEVICE_LOST";

/** The engine counts a request as failed that another process may answer. */
function isFailedRequest(event: InfernodeEvent): boolean {
  return event[0] === "inference:request-finished" && event[1].finishReason === "error";
}

type CallMessage = Extract<DaemonMessage, { readonly type: "call" }>;

/** Creates the host of one engine; the `start` message creates the engine. */
export function createEngineHost(options: EngineHostOptions): EngineHost {
  const warn = (text: string): void => process.emitWarning(text);
  const send = sendInParts(options.send, warn);
  const running = new Map<number, RunningCall>();
  let core: EngineCore | undefined;
  let reservation: Resolvers<AvailableMemory> | undefined;
  let verification: Resolvers<KernelVerdict> | undefined;
  let heartbeatTimer: NodeJS.Timeout | undefined;
  let isShuttingDown = false;
  /** Why no forward works any more. */
  let loss: Error | undefined;
  let isFailing = false;
  const batcher = createMessageBatcher({ send, stats: () => core?.stats() });

  const selfTest = async (made: EngineCore): Promise<void> => {
    try {
      await options.selfTest?.(made);
    } catch (error) {
      // Each request would get such an error for itself; the self-test is for crashes.
      warn(`the engine's self-test failed: ${toErrorRecord(error).message}`);
    }
  };
  const start = async (message: Extract<DaemonMessage, { readonly type: "start" }>): Promise<void> => {
    const { heartbeatIntervalMs } = message;
    const startedAtMs = performance.now();
    let isSelfTesting = false;
    let reportedAtMs = 0;
    try {
      const made = await options.createCore(message.options, {
        reserveMemory: (demand) => {
          if (message.memory !== undefined) return Promise.resolve(message.memory);
          reservation = createResolvers<AvailableMemory>();
          send({ type: "reserve-memory", demand }, () => undefined);
          return reservation.promise;
        },
        verifyGpu: (identity) => {
          verification = createResolvers<KernelVerdict>();
          send({ type: "verify-gpu", identity }, () => undefined);
          return verification.promise;
        },
        keptExecutor: message.keptExecutor,
        onLoadProgress: (doneBytes, totalBytes) => {
          const now = performance.now();
          if (doneBytes < totalBytes && now - reportedAtMs < heartbeatIntervalMs) return;
          reportedAtMs = now;
          send({ type: "load-progress", doneBytes, totalBytes }, () => undefined);
        },
        onDeviceLost: (error) => {
          loss = error;
          if (core !== undefined) void failLost(error);
        },
        events: {
          emit: (...event) => {
            // The self-test does not count as a request.
            if (isSelfTesting && event[0].startsWith("inference:")) return;
            if (loss === undefined || !isFailedRequest(event)) batcher.event(event);
          },
        },
      });
      isSelfTesting = true;
      if (message.needsSelfTest) await selfTest(made);
      isSelfTesting = false;
      core = made;
      // No request can be the cause of that.
      if (loss !== undefined) return await failLost(loss);
    } catch (error) {
      return send({ type: "start-failed", error: toErrorRecord(error) }, () => void shutdown(1));
    }
    const ready = core;
    const { model, description } = ready;
    const loadMs = performance.now() - startedAtMs;
    // Its memory and its health are known when it is ready.
    batcher.sendHeartbeat(ready.heartbeat());
    send({ type: "ready", model, description, loadMs }, () => undefined);
    heartbeatTimer = setInterval(() => batcher.sendHeartbeat(ready.heartbeat()), heartbeatIntervalMs);
  };

  const answer = async ({ callId, operation, input }: CallMessage, signal: AbortSignal): Promise<void> => {
    try {
      if (core === undefined) throw new Error("the engine is not ready");
      for await (const event of core.call(operation, input, signal)) {
        batcher.callEvent(callId, event);
        if (batcher.room !== undefined) await batcher.room;
        const gate = running.get(callId)?.gate;
        if (gate !== undefined) await gate.promise;
      }
      if (!signal.aborted) batcher.callEnd(callId);
    } catch (error) {
      const record = toErrorRecord(error);
      // The daemon decides which of the calls that the device was lost under fail, as after a crash.
      if (!signal.aborted && record.code !== deviceLost) batcher.callEnd(callId, record);
    } finally {
      running.delete(callId);
    }
  };
  const begin = (message: CallMessage): void => {
    const controller = new AbortController();
    // Starts after `running` has the call.
    const ended = Promise.resolve().then(() => answer(message, controller.signal));
    running.set(message.callId, { controller, ended, gate: undefined });
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

  const drain = async (timeoutMs: number): Promise<void> => {
    await core?.drain({ timeoutMs });
    // The engine has made its last events; calls end when these were read.
    await Promise.all([...running.values()].map(({ ended }) => ended));
    await batcher.flush();
    // Calls that the lost device failed have not ended.
    if (loss !== undefined) return;
    send({ type: "drained" }, () => undefined);
  };

  /** Sends what was computed before the loss, then ends the process: its calls are the daemon's again. */
  const failLost = async (lost: Error): Promise<void> => {
    if (isFailing) return;
    isFailing = true;
    await Promise.race([
      Promise.all(Array.from(running.values(), ({ ended }) => ended)),
      new Promise((resolve) => setTimeout(resolve, lossGraceMs).unref()),
    ]);
    await batcher.flush();
    send({ type: "failed", error: toErrorRecord(lost) }, () => void shutdown(1));
  };

  const shutdown = async (exitCode: number): Promise<void> => {
    if (isShuttingDown) return;
    isShuttingDown = true;
    clearInterval(heartbeatTimer);
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
        return void start(message);
      case "memory-reserved":
        return reservation?.resolve(message.memory);
      case "gpu-verified":
        return verification?.resolve(message.verdict);
      case "call":
        return begin(message);
      case "cancel":
        return cancel(message.callId);
      case "pause":
        return pause(message.callId);
      case "resume":
        return resume(running.get(message.callId));
      case "drain":
        return void drain(message.timeoutMs);
      case "shutdown":
        return void shutdown(0);
    }
  };
  const refuse = (callId: number | undefined, cause: unknown): void => {
    const why = toErrorRecord(cause).message;
    const message = `expected a request that the engine process can deserialize, got ${why}`;
    if (callId === undefined) warn(message);
    else batcher.callEnd(callId, { code: "INVALID_REQUEST", message });
  };
  return { receive, refuse, shutdown };
}
