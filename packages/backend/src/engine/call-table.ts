import { EngineRequestError } from "../errors.ts";
import { AsyncQueue } from "./async-queue.ts";
import type { EngineRequest, EngineReply, Prompt } from "./engine-client.ts";
import type { CallReply, DaemonMessage } from "./protocol.ts";

interface GenerateCall {
  readonly kind: "generate";
  readonly request: EngineRequest;
  readonly queue: AsyncQueue<EngineReply>;
  isAccepted: boolean;
  /** Its first token was given out; a second run could not take it back. */
  hasStarted: boolean;
  wasReplayed: boolean;
}

interface TokenizeCall {
  readonly kind: "tokenize";
  readonly prompt: Prompt;
  readonly queue: AsyncQueue<readonly number[]>;
  wasReplayed: boolean;
}

type Call = GenerateCall | TokenizeCall;

/** The calls that one engine process has not finished. */
export interface CallTable {
  /** How many are open. */
  readonly size: number;
  generate(request: EngineRequest): { readonly callId: number; readonly queue: AsyncQueue<EngineReply> };
  tokenize(prompt: Prompt): { readonly callId: number; readonly queue: AsyncQueue<readonly number[]> };
  /** Passes a reply of the engine process on to whoever reads the call. */
  deliver(callId: number, reply: CallReply): void;
  /** After a crash: fails what was streaming, and what crashed twice; says how many stay for the next process. */
  settleCrash(error: unknown): { readonly failedCount: number; readonly replayedCount: number };
  /** Sends what is open to a fresh process. */
  replay(): void;
  failAll(error: unknown): void;
}

/** Creates the table; `send` reaches the present engine process, and is only used while there is one. */
export function createCallTable(send: (message: DaemonMessage) => void): CallTable {
  const calls = new Map<number, Call>();
  let lastCallId = 0;

  const cancel = (callId: number): void => {
    if (calls.delete(callId)) send({ type: "cancel", callId });
  };
  const submit = (callId: number, call: Call): void => {
    if (call.kind === "generate") send({ type: "generate", callId, request: call.request });
    else send({ type: "tokenize", callId, prompt: call.prompt });
  };
  const fail = (callId: number, error: unknown): void => {
    calls.get(callId)?.queue.fail(error);
    calls.delete(callId);
  };
  const deliverGenerate = (callId: number, call: GenerateCall, reply: EngineReply): void => {
    if (reply.type === "accepted") {
      // The second one, after a crash, tells the reader nothing new.
      if (!call.isAccepted) call.queue.push(reply);
      call.isAccepted = true;
      return;
    }
    call.hasStarted = true;
    call.queue.push(reply);
    if (reply.type !== "finished") return;
    calls.delete(callId);
    call.queue.complete();
  };

  return {
    get size() {
      return calls.size;
    },
    generate: (request) => {
      const callId = ++lastCallId;
      const queue = new AsyncQueue<EngineReply>(() => cancel(callId));
      const call: GenerateCall = {
        kind: "generate",
        request,
        queue,
        isAccepted: false,
        hasStarted: false,
        wasReplayed: false,
      };
      calls.set(callId, call);
      submit(callId, call);
      return { callId, queue };
    },
    tokenize: (prompt) => {
      const callId = ++lastCallId;
      const queue = new AsyncQueue<readonly number[]>(() => cancel(callId));
      const call: TokenizeCall = { kind: "tokenize", prompt, queue, wasReplayed: false };
      calls.set(callId, call);
      submit(callId, call);
      return { callId, queue };
    },
    deliver: (callId, reply) => {
      const call = calls.get(callId);
      // A cancelled call's last replies were on their way.
      if (call === undefined) return;
      if (reply.type === "failed") fail(callId, new EngineRequestError(reply.error));
      else if (reply.type === "tokens") {
        if (call.kind !== "tokenize") return;
        call.queue.push(reply.tokenIds);
        call.queue.complete();
        calls.delete(callId);
      } else if (call.kind === "generate") deliverGenerate(callId, call, reply);
    },
    settleCrash: (error) => {
      let failedCount = 0;
      for (const [callId, call] of calls) {
        // A request that was there at two crashes may well be their cause.
        const mayReplay = !call.wasReplayed && !(call.kind === "generate" && call.hasStarted);
        call.wasReplayed = true;
        if (mayReplay) continue;
        failedCount++;
        fail(callId, error);
      }
      return { failedCount, replayedCount: calls.size };
    },
    replay: () => {
      for (const [callId, call] of calls) submit(callId, call);
    },
    failAll: (error) => {
      for (const callId of calls.keys()) fail(callId, error);
    },
  };
}
