import { ApiError } from "../../shared/api-error.ts";
import type { ApiContext, GenerationCodec } from "../../shared/codec.ts";
import type { StreamEvent } from "../../shared/generation.ts";
import { findHeld } from "../../shared/find-held.ts";
import type { HeldReader } from "../../shared/held-responses.ts";
import type { HeldResponse } from "../../shared/held-responses.ts";
import type { Session, SessionFormat, SessionPeer } from "../../shared/session.ts";
import { engineUnavailable, toApiError } from "../../shared/to-api-error.ts";
import type { ErrorFormat } from "../../shared/wire-format.ts";
import { laneOf, readClientEvent, type CreateEvent, type ResumeEvent } from "./client-events.ts";
import { createLanes } from "./lanes.ts";

/** Responses of one session that run or wait, as in OpenAI's API. */
const maxResponses = 16;

/** What a session of responses is made of. */
export interface ResponsesSessionParts {
  readonly codec: GenerationCodec;
  readonly errors: ErrorFormat;
}

/** Adds the lane to the JSON of an event. */
function inLane(json: string, laneId: string | undefined): string {
  return laneId === undefined ? json : `${json.slice(0, -1)},"stream_id":${JSON.stringify(laneId)}}`;
}

function jsonOf(event: StreamEvent): string {
  return typeof event === "string" ? event : event.data;
}

function openSession(
  { codec, errors }: ResponsesSessionParts,
  peer: SessionPeer,
  context: ApiContext,
): Session {
  const lanes = createLanes();
  const readers = new Set<HeldReader>();
  const closing = new AbortController();
  let isDraining = false;
  let responseCount = 0;

  /** An error of the session, not of a stream: nested, and with the status that HTTP would have. */
  const sendError = async (thrown: unknown, laneId: string | undefined): Promise<void> => {
    const error = toApiError(thrown);
    const body = errors.toBody(error, peer.requestId);
    const json = JSON.stringify({ type: "error", status: error.status, ...body });
    // A session whose connection has closed has nobody to tell.
    await peer.send([inLane(json, laneId)]).catch(() => undefined);
  };
  const forward = async (reader: HeldReader, laneId: string | undefined): Promise<void> => {
    readers.add(reader);
    try {
      for (let events = await reader.next(); events !== undefined; events = await reader.next()) {
        await peer.send(events.map((event) => inLane(jsonOf(event), laneId)));
      }
    } finally {
      readers.delete(reader);
      reader.close();
    }
  };
  const start = async (body: unknown): Promise<HeldResponse> => {
    const namesOf = (each: unknown): readonly string[] => codec.description.body?.ignorableNames(each) ?? [];
    const prepared = codec.prepare({ body: peer.leaveOut(body, namesOf), path: {}, query: {} }, context);
    return context.held.start({
      prepared,
      toErrorEvent: (error) => errors.toEvent(toApiError(error, prepared.fieldNames), peer.requestId),
      signal: closing.signal,
      requestId: peer.requestId,
    });
  };
  const create = async ({ body, laneId }: CreateEvent, release: () => void): Promise<void> => {
    const held = await start(body).finally(release);
    responseCount += 1;
    await forward(held.open(-1), laneId);
  };
  const resume = async ({ responseId, afterId, laneId }: ResumeEvent): Promise<void> =>
    forward(findHeld(context.held, responseId).open(afterId), laneId);
  const enqueue = (laneId: string | undefined, work: () => Promise<void>): void => {
    if (isDraining) throw engineUnavailable("The server is draining: new responses are rejected");
    if (lanes.size >= maxResponses) {
      const message = `Expected at most ${maxResponses} responses of one session that run or wait, got one more`;
      throw new ApiError("websocket_stream_limit_reached", message);
    }
    lanes.add(laneId, async () => work().catch(async (error: unknown) => sendError(error, laneId)));
  };

  return {
    get isBusy() {
      return lanes.size > 0;
    },
    get responseCount() {
      return responseCount;
    },
    async receive(message, release) {
      try {
        const event = readClientEvent(message);
        if (event.type === "response.create") {
          enqueue(event.laneId, async () => create(event, release));
          return;
        }
        if (event.type === "response.resume") enqueue(event.laneId, async () => resume(event));
        else await findHeld(context.held, event.responseId).cancel("its client asked for it");
      } catch (error) {
        await sendError(error, laneOf(message));
      }
      release();
    },
    reject: async (error) => sendError(error, undefined),
    async drain() {
      isDraining = true;
      await lanes.idle();
    },
    close() {
      closing.abort(new ApiError("bad_request", "The connection of the session closed"));
      for (const reader of readers) reader.close();
    },
  };
}

/** Creates OpenAI's protocol of responses over a WebSocket, and beyond it resuming and cancelling. */
export function createResponsesSession(path: string, parts: ResponsesSessionParts): SessionFormat {
  return { path, open: (peer, context) => openSession(parts, peer, context) };
}
