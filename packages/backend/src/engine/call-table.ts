import { type EngineErrorRecord, EngineRequestError } from "../errors.ts";
import { AsyncQueue } from "./async-queue.ts";
import { replyFlow } from "./reply-flow.ts";
import type { EngineRequest, EngineReply, Prompt } from "./engine-client.ts";
import type { CallReply, DaemonMessage, PromptReply } from "./protocol.ts";

interface GenerateCall {
  readonly kind: "generate";
  readonly request: EngineRequest;
  readonly queue: AsyncQueue<EngineReply>;
  readonly promptSize: number;
  isAccepted: boolean;
  /** The present process has answered: from then on its own bounds count the call. */
  isCounted: boolean;
  /** An earlier process had taken it, and the queue of the present one is full: it is sent again when a call ends. */
  isDeferred: boolean;
  /** Its first token was given out; a second run could not take it back. */
  hasStarted: boolean;
  wasReplayed: boolean;
}

interface PromptCall {
  readonly kind: "tokenize" | "describe";
  readonly prompt: Prompt;
  readonly queue: AsyncQueue<PromptReply>;
  readonly promptSize: 0;
  readonly isCounted: false;
  wasReplayed: boolean;
}

type Call = GenerateCall | PromptCall;

/** How much may be open that no engine process has answered: it is started again, or hangs. */
export interface CallLimits {
  readonly requests: number;
  /** Of prompts, as far as one can tell before they are tokenized. */
  readonly tokens: number;
  readonly retryAfterMs: number;
}

/** The calls that one engine process has not finished. */
export interface CallTable {
  /** How many are open. */
  readonly size: number;
  /** @throws EngineRequestError `QUEUE_FULL` */
  generate(request: EngineRequest): AsyncQueue<EngineReply>;
  /** @throws EngineRequestError `QUEUE_FULL` */
  ask(kind: PromptCall["kind"], prompt: Prompt): AsyncQueue<PromptReply>;
  /** Passes a reply of the engine process on to whoever reads the call. */
  deliver(callId: number, reply: CallReply): void;
  /** After a crash: fails what was streaming, and what crashed twice; says how many stay for the next process. */
  settleCrash(error: unknown): { readonly failedRequestCount: number; readonly replayedRequestCount: number };
  /** Sends what is open to a fresh process. */
  replay(): void;
  failAll(error: unknown): void;
}

const charactersPerToken = 4;

/** The tokens of a prompt, or about as many as its text will have. */
function sizeOf(prompt: Prompt): number {
  if (prompt.kind === "tokens") return prompt.tokenIds.length;
  const texts = prompt.kind === "text" ? [prompt.text] : prompt.messages.map(({ content }) => content ?? "");
  return texts.reduce((sum, text) => sum + Math.ceil(text.length / charactersPerToken), 0);
}

/** Creates the table; `send` reaches the present engine process, and does nothing while none is ready. */
export function createCallTable(options: {
  readonly send: (message: DaemonMessage) => void;
  /** `undefined` while a process answers: it counts for itself. */
  readonly limits: () => CallLimits | undefined;
}): CallTable {
  const { send } = options;
  const calls = new Map<number, Call>();
  let lastCallId = 0;

  const submit = (callId: number, call: Call): void => {
    if (call.kind === "generate") {
      call.isDeferred = false;
      send({ type: "generate", callId, request: call.request });
    } else send({ type: call.kind, callId, prompt: call.prompt });
  };
  /** A call that ends leaves room for the first that was deferred. */
  const remove = (callId: number): boolean => {
    if (!calls.delete(callId)) return false;
    for (const [nextId, next] of calls) {
      if (next.kind !== "generate" || !next.isDeferred) continue;
      submit(nextId, next);
      break;
    }
    return true;
  };
  const cancel = (callId: number): void => {
    if (remove(callId)) send({ type: "cancel", callId });
  };
  const fail = (callId: number, error: unknown): void => {
    calls.get(callId)?.queue.fail(error);
    remove(callId);
  };
  const refused = (callId: number, error: EngineErrorRecord): void => {
    const call = calls.get(callId);
    // What was taken once is not refused for want of room.
    if (error.code === "QUEUE_FULL" && call?.kind === "generate" && call.isAccepted) call.isDeferred = true;
    else fail(callId, new EngineRequestError(error));
  };
  const assertRoom = (promptSize: number): void => {
    const limits = options.limits();
    if (limits === undefined) return;
    const waiting = [...calls.values()].filter(({ isCounted }) => !isCounted);
    const tokens = waiting.reduce((sum, call) => sum + call.promptSize, promptSize);
    const refuse = (resource: "requests" | "tokens", wanted: number): void => {
      const limit = limits[resource];
      if (wanted <= limit) return;
      const { retryAfterMs } = limits;
      throw new EngineRequestError({
        code: "QUEUE_FULL",
        message: `at most ${limit} ${resource} may wait; with this request it would be ${wanted}`,
        data: { resource, limit, wanted, retryAfterMs },
      });
    };
    refuse("requests", waiting.length + 1);
    if (waiting.length > 0) refuse("tokens", tokens);
  };
  const add = <T extends Call>(makeCall: (onCancel: () => void, callId: number) => T): T["queue"] => {
    const callId = ++lastCallId;
    const call = makeCall(() => cancel(callId), callId);
    assertRoom(call.promptSize);
    calls.set(callId, call);
    submit(callId, call);
    return call.queue;
  };
  const deliverGenerate = (callId: number, call: GenerateCall, reply: EngineReply): void => {
    call.isCounted = true;
    if (reply.type === "accepted") {
      // The second one, after a crash, tells the reader nothing new.
      if (!call.isAccepted) call.queue.push(reply);
      call.isAccepted = true;
      return;
    }
    call.hasStarted = true;
    call.queue.push(reply);
    if (reply.type !== "finished") return;
    remove(callId);
    call.queue.complete();
  };

  return {
    get size() {
      return calls.size;
    },
    generate: (request) =>
      add((onCancel, callId): GenerateCall => ({
        kind: "generate",
        request,
        queue: new AsyncQueue(
          onCancel,
          replyFlow({
            onFull: () => send({ type: "pause", callId }),
            onRoom: () => send({ type: "resume", callId }),
          }),
        ),
        promptSize: sizeOf(request.prompt),
        isAccepted: false,
        isCounted: false,
        isDeferred: false,
        hasStarted: false,
        wasReplayed: false,
      })),
    ask: (kind, prompt) =>
      add((onCancel): PromptCall => ({
        kind,
        prompt,
        queue: new AsyncQueue(onCancel),
        promptSize: 0,
        isCounted: false,
        wasReplayed: false,
      })),
    deliver: (callId, reply) => {
      const call = calls.get(callId);
      // A cancelled call's last replies were on their way.
      if (call === undefined) return;
      if (reply.type === "failed") refused(callId, reply.error);
      else if (reply.type === "tokens" || reply.type === "description") {
        if (call.kind === "generate") return;
        call.queue.push(reply);
        call.queue.complete();
        remove(callId);
      } else if (call.kind === "generate") deliverGenerate(callId, call, reply);
    },
    settleCrash: (error) => {
      let failedRequestCount = 0;
      for (const [callId, call] of calls) {
        // A request that was there at two crashes may well be their cause.
        const mayReplay = !call.wasReplayed && !(call.kind === "generate" && call.hasStarted);
        call.wasReplayed = true;
        if (call.kind === "generate") call.isCounted = false;
        if (mayReplay) continue;
        failedRequestCount++;
        fail(callId, error);
      }
      return { failedRequestCount, replayedRequestCount: calls.size };
    },
    replay: () => {
      for (const [callId, call] of calls) submit(callId, call);
    },
    failAll: (error) => {
      const open = [...calls.values()];
      calls.clear();
      for (const { queue } of open) queue.fail(error);
    },
  };
}
