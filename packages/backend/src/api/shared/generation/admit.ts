import { setMaxListeners } from "node:events";
import type { GenerateEvent } from "../../../operations/generate.ts";
import { AsyncQueue } from "../../../iteration/async-queue.ts";
import { mapIteration } from "../../../iteration/map-iteration.ts";
import type { CallOptions, ModelService } from "../../../models/model-service.ts";
import {
  openGeneration,
  protocolError,
  type AdmissionRequest,
  type OpenGeneration,
} from "../../../conversation/open-generation.ts";

/** An event of a generation that was accepted, and the request that it belongs to. */
export interface AdmittedReply {
  readonly requestIndex: number;
  readonly event: Exclude<GenerateEvent, { readonly type: "accepted" }>;
}

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

function repliesOf(
  { events }: OpenGeneration,
  requestIndex: number,
  onEnd?: () => void,
): AsyncIterableIterator<AdmittedReply> {
  return mapIteration(events, {
    map: (event) => (event.type === "accepted" ? undefined : { requestIndex, event }),
    isLast: ({ type }) => type === "finished",
    onDone: () => {
      throw protocolError("the end before finished");
    },
    onEnd,
  });
}

/** Replies to several requests in the order in which they arrive; each request waits until its last one was read. */
async function* merge(opened: readonly OpenGeneration[], onEnd: () => void): AsyncGenerator<AdmittedReply> {
  const queue = new AsyncQueue<{ readonly reply: AdmittedReply; readonly onRead: () => void }>(
    () => undefined,
  );
  const pump = async (each: OpenGeneration, requestIndex: number): Promise<void> => {
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
  let opened: readonly OpenGeneration[];
  try {
    const options = { modelId, signal: own.signal };
    opened = await Promise.all(requests.map(async (request) => openGeneration(service, request, options)));
  } catch (error) {
    release(error);
    throw error;
  }
  const onEnd = (): void => release(new DOMException("the reader left", "AbortError"));
  const [only] = opened;
  return {
    promptTokenCount: opened.reduce((sum, { accepted }) => sum + (accepted.promptTokenCount ?? 0), 0),
    promptTokenIds: opened.map(({ accepted }) => accepted.promptTokenIds),
    truncatedTokenCount: opened.reduce((sum, { accepted }) => sum + (accepted.truncatedTokenCount ?? 0), 0),
    replies: opened.length === 1 && only !== undefined ? repliesOf(only, 0, onEnd) : merge(opened, onEnd),
  };
}
