import type { Generation, PreparedGeneration, StreamEvent } from "../../shared/generation.ts";
import { jsonPieces } from "../../shared/generation/json-pieces.ts";
import type { HeldReader, HeldResponse, HeldResponses } from "../../shared/held-responses.ts";
import { toApiError } from "../../shared/to-api-error.ts";
import { toErrorEvent } from "./error-event.ts";

async function* eventsOf(reader: HeldReader, signal: AbortSignal): AsyncGenerator<readonly StreamEvent[]> {
  try {
    for (let events = await reader.next(); events !== undefined; events = await reader.next()) yield events;
    signal.throwIfAborted();
  } finally {
    reader.close();
  }
}

/**
 * Answers with what a held response is now, or with its events after one of them.
 * @param signal aborted when the client disconnects, which ends the reading, not the response
 * @throws ApiError 400, 410
 */
export function followHeld(
  held: HeldResponse,
  { afterId, signal }: { readonly afterId: number | undefined; readonly signal: AbortSignal },
): Generation {
  const reader = afterId === undefined ? undefined : held.open(afterId);
  signal.addEventListener("abort", () => reader?.close(), { once: true });
  return {
    progress: held.progress,
    collect: async () => jsonPieces(held.snapshot()),
    chunks: () => eventsOf(reader ?? held.open(-1), signal),
    release: () => undefined,
  };
}

/** Makes a generation one that goes on without its client, who gets what it is when it has been queued, or its events. */
export function inBackground(prepared: PreparedGeneration, held: HeldResponses): PreparedGeneration {
  return {
    ...prepared,
    async start(signal) {
      const response = await held.start({
        prepared,
        isDetached: true,
        toErrorEvent: (error) => toErrorEvent(toApiError(error, prepared.fieldNames)),
        signal,
      });
      return followHeld(response, { afterId: prepared.isStream ? -1 : undefined, signal });
    },
  };
}
