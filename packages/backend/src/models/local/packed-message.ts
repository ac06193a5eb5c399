import type { CallEvent } from "../../operations/operation.ts";
import type { DeltaEvent, TokenDelta } from "../../operations/token-delta.ts";
import { isEngineMessage, type EngineMessage } from "./protocol.ts";

type Batch = Extract<EngineMessage, { readonly type: "batch" }>;

/**
 * The events of calls in one flat list, as each object takes long to serialize: for each event the id of its call and
 * the event. A delta of tokens and their text alone is values too: the text, the index of the answer, the number of
 * tokens, the tokens.
 */
type PackedEvents = readonly (number | string | CallEvent)[];

/** A message of the engine process as the channel takes it. */
export type PackedMessage =
  | Exclude<EngineMessage, Batch>
  | (Omit<Batch, "callEvents"> & { readonly callEvents: PackedEvents });

function isTextAlone(delta: TokenDelta): boolean {
  return (
    delta.logprobs === undefined &&
    delta.finishReason === undefined &&
    delta.stopReason === undefined &&
    delta.parts === undefined &&
    delta.reasoningTokens === undefined
  );
}

/** Packs a message for the channel to the daemon. */
export function packMessage(message: EngineMessage): PackedMessage {
  if (message.type !== "batch") return message;
  const callEvents: (number | string | CallEvent)[] = [];
  for (const [callId, event] of message.callEvents) {
    const delta = event.type === "delta" ? (event as DeltaEvent).delta : undefined;
    if (delta === undefined || !isTextAlone(delta)) callEvents.push(callId, event);
    else callEvents.push(callId, delta.text, delta.index, delta.tokenIds.length, ...delta.tokenIds);
  }
  const { type, callEnds, events, stats, heartbeat } = message;
  return { type, callEvents, callEnds, events, stats, heartbeat };
}

function unpackEvents(packed: readonly unknown[]): Batch["callEvents"] {
  const events: (readonly [number, CallEvent])[] = [];
  for (let at = 0; at < packed.length;) {
    const callId = packed[at] as number;
    const event = packed[at + 1] as string | CallEvent;
    if (typeof event !== "string") {
      events.push([callId, event]);
      at += 2;
      continue;
    }
    const start = at + 4;
    at = start + (packed[at + 3] as number);
    const delta: TokenDelta = {
      index: packed[start - 2] as number,
      text: event,
      tokenIds: packed.slice(start, at) as number[],
      logprobs: undefined,
      finishReason: undefined,
      stopReason: undefined,
    };
    events.push([callId, { type: "delta", delta } as DeltaEvent]);
  }
  return events;
}

/** Unpacks a value from the channel; `undefined` for one that is no message of the engine process. */
export function unpackMessage(value: unknown): EngineMessage | undefined {
  if (!isEngineMessage(value)) return undefined;
  if (value.type !== "batch") return value;
  const callEvents: unknown = value.callEvents;
  if (!Array.isArray(callEvents)) return undefined;
  return { ...value, callEvents: unpackEvents(callEvents) };
}
