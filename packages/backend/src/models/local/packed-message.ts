import type { CallEvent } from "../../operations/operation.ts";
import type { DeltaEvent, TokenDelta } from "../../operations/token-delta.ts";
import { isEngineMessage, type EngineMessage } from "./protocol.ts";

type Batch = Extract<EngineMessage, { readonly type: "batch" }>;

/**
 * The events of calls in one flat list, as each object takes long to serialize: for each event the id of its call and
 * the event. A delta that is one token and its text is three values: the text, the index of the answer, the token.
 */
type PackedEvents = readonly (number | string | CallEvent)[];

/** A message of the engine process as the channel takes it. */
export type PackedMessage =
  | Exclude<EngineMessage, Batch>
  | (Omit<Batch, "callEvents"> & { readonly callEvents: PackedEvents });

function isOneToken(delta: TokenDelta): boolean {
  return (
    delta.tokenIds.length === 1 &&
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
    if (delta === undefined || !isOneToken(delta)) callEvents.push(callId, event);
    else callEvents.push(callId, delta.text, delta.index, delta.tokenIds[0]!);
  }
  return { ...message, callEvents };
}

function unpackEvents(packed: readonly unknown[]): Batch["callEvents"] {
  const events: (readonly [number, CallEvent])[] = [];
  for (let at = 0; at < packed.length; at += 2) {
    const callId = packed[at] as number;
    const event = packed[at + 1] as string | CallEvent;
    if (typeof event !== "string") {
      events.push([callId, event]);
      continue;
    }
    const delta: TokenDelta = {
      index: packed[at + 2] as number,
      text: event,
      tokenIds: [packed[at + 3] as number],
      logprobs: undefined,
      finishReason: undefined,
      stopReason: undefined,
    };
    events.push([callId, { type: "delta", delta } as DeltaEvent]);
    at += 2;
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
