import { setMaxListeners } from "node:events";
import type { AnswerUsage, PromptLogprobs, TokenDelta } from "../../../operations/token-delta.ts";
import { AsyncQueue } from "../../../models/async-queue.ts";
import type { CallOptions, ModelService } from "../../../models/model-service.ts";
import { BackendError, EngineRequestError } from "../../../errors.ts";
import { generate, type GenerateEvent, type GenerateInput } from "../../../operations/generate.ts";

/** A request, and whether its length is a default, which may be lowered where the context has no room for it. */
export interface AdmissionRequest {
  readonly request: GenerateInput;
  readonly isMaxTokensDefault: boolean;
}

/** A reply, and the request that it belongs to. */
export type AdmittedReply =
  | { readonly requestIndex: number; readonly type: "prompt-logprobs"; readonly logprobs: PromptLogprobs }
  | { readonly requestIndex: number; readonly type: "delta"; readonly delta: TokenDelta }
  /** Earlier replies to this request are void and are sent again. */
  | { readonly requestIndex: number; readonly type: "restarted" }
  | { readonly requestIndex: number; readonly type: "finished"; readonly usage: AnswerUsage };

/** Requests that the engine has queued, all of them. */
export interface Admission {
  /** Of all requests; 0 for remote servers, which report it at the end. */
  readonly promptTokenCount: number;
  /** Of each request, if it asks for them. */
  readonly promptTokenIds: readonly (readonly number[] | undefined)[];
  /** Tokens that were cut off prompts. */
  readonly truncatedTokenCount: number;
  /** In the order in which they arrive. Iterate once; leaving the loop stops the work. */
  readonly replies: AsyncIterable<AdmittedReply>;
}

interface Opened {
  readonly promptTokenCount: number;
  readonly truncatedTokenCount: number;
  readonly promptTokenIds: readonly number[] | undefined;
  readonly iterator: AsyncIterator<GenerateEvent>;
}

/** Without a length the engine generates up to the end of the context, which is nearer than the default. */
function hasRoomForLess(error: unknown): boolean {
  if (!(error instanceof EngineRequestError) || error.code !== "CONTEXT_LENGTH_EXCEEDED") return false;
  const { promptTokens, contextTokens } = error.data;
  return (
    typeof promptTokens === "number" && typeof contextTokens === "number" && promptTokens < contextTokens
  );
}

function withoutMaxTokens(request: GenerateInput): GenerateInput {
  return { ...request, stopping: { ...request.stopping, maxTokens: undefined } };
}

function protocolError(got: string): BackendError {
  return new BackendError(
    "ENGINE_PROTOCOL",
    `expected the engine's events to begin with accepted and to end with finished, got ${got}`,
  );
}

async function open(
  service: Pick<ModelService, "call">,
  admission: AdmissionRequest,
  options: CallOptions,
): Promise<Opened> {
  const first = async (request: GenerateInput): Promise<Opened> => {
    const iterator = service.call(generate, request, options)[Symbol.asyncIterator]();
    const { value, done } = await iterator.next();
    if (done === true || value.type !== "accepted") {
      throw protocolError(done === true ? "nothing" : value.type);
    }
    const { promptTokenCount = 0, truncatedTokenCount = 0, promptTokenIds } = value;
    return { promptTokenCount, truncatedTokenCount, promptTokenIds, iterator };
  };
  const { request, isMaxTokensDefault } = admission;
  try {
    return await first(request);
  } catch (error) {
    if (!isMaxTokensDefault || request.stopping?.maxTokens === undefined || !hasRoomForLess(error)) {
      throw error;
    }
    return first(withoutMaxTokens(request));
  }
}

async function* repliesOf(
  { iterator }: Opened,
  requestIndex: number,
  onEnd?: () => void,
): AsyncGenerator<AdmittedReply> {
  try {
    for (;;) {
      const { value, done } = await iterator.next();
      if (done === true) throw protocolError("the end before finished");
      if (value.type === "delta") {
        yield { requestIndex, type: "delta", delta: value.delta };
      } else if (value.type === "prompt-logprobs") {
        yield { requestIndex, type: "prompt-logprobs", logprobs: value.logprobs };
      } else if (value.type === "restarted") {
        yield { requestIndex, type: "restarted" };
      } else if (value.type === "finished") {
        yield { requestIndex, type: "finished", usage: value.usage };
        return;
      }
    }
  } finally {
    try {
      await iterator.return?.();
    } finally {
      onEnd?.();
    }
  }
}

/** Replies to several requests in the order in which they arrive; each request waits until its last one was read. */
async function* merge(opened: readonly Opened[], onEnd: () => void): AsyncGenerator<AdmittedReply> {
  const queue = new AsyncQueue<{ readonly reply: AdmittedReply; readonly onRead: () => void }>(
    () => undefined,
  );
  const pump = async (each: Opened, requestIndex: number): Promise<void> => {
    for await (const reply of repliesOf(each, requestIndex)) {
      await new Promise<void>((onRead) => {
        queue.push({ reply, onRead });
      });
    }
  };
  Promise.all(opened.map(pump)).then(
    () => queue.complete(),
    (error: unknown) => queue.fail(error),
  );
  try {
    for await (const { reply, onRead } of queue) {
      onRead();
      yield reply;
    }
  } finally {
    onEnd();
  }
}

/**
 * Sends requests to the engine and resolves when all of them are queued there. If one is rejected, the others are
 * cancelled.
 * @throws what the engine throws; the signal's reason
 */
export async function admit(
  service: Pick<ModelService, "call">,
  requests: readonly AdmissionRequest[],
  { modelId, signal }: CallOptions & { readonly signal: AbortSignal },
): Promise<Admission> {
  signal.throwIfAborted();
  const own = new AbortController();
  // One listener for each request is not a leak.
  setMaxListeners(0, own.signal);
  const onAbort = (): void => own.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const release = (reason: unknown): void => {
    signal.removeEventListener("abort", onAbort);
    own.abort(reason);
  };
  let opened: readonly Opened[];
  try {
    const options = { modelId, signal: own.signal };
    opened = await Promise.all(requests.map(async (request) => open(service, request, options)));
  } catch (error) {
    release(error);
    throw error;
  }
  const onEnd = (): void => release(new DOMException("the reader left", "AbortError"));
  const [only] = opened;
  return {
    promptTokenCount: opened.reduce((sum, { promptTokenCount }) => sum + promptTokenCount, 0),
    promptTokenIds: opened.map(({ promptTokenIds }) => promptTokenIds),
    truncatedTokenCount: opened.reduce((sum, { truncatedTokenCount }) => sum + truncatedTokenCount, 0),
    replies: opened.length === 1 && only !== undefined ? repliesOf(only, 0, onEnd) : merge(opened, onEnd),
  };
}
