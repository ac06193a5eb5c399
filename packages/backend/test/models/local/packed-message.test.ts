import { deserialize, serialize } from "node:v8";
import { expect, test } from "vitest";
import { packMessage, unpackMessage } from "../../../src/models/local/packed-message.ts";
import type { EngineMessage } from "../../../src/models/local/protocol.ts";
import type { CallEvent } from "../../../src/operations/operation.ts";
import type { TokenDelta } from "../../../src/operations/token-delta.ts";

const candidate = { token: "a", tokenId: 7, bytes: [97], logprob: -1 };
const oneToken: TokenDelta = {
  index: 1,
  text: "日本 \ud83e",
  tokenIds: [7],
  logprobs: undefined,
  finishReason: undefined,
  stopReason: undefined,
};
/** Another value for each field of a delta. */
const others: Required<TokenDelta> = {
  index: 2,
  text: "",
  tokenIds: [7, 8],
  logprobs: [{ ...candidate, rank: 1, top: [] }],
  finishReason: "stop",
  stopReason: "END",
  parts: [{ type: "reasoning", text: "hm" }],
  reasoningTokens: 0,
};

const deltaEvent = (delta: TokenDelta): CallEvent => Object.assign({ type: "delta" }, { delta });
const batchOf = (...callEvents: (readonly [number, CallEvent])[]): EngineMessage => ({
  type: "batch",
  callEvents,
  callEnds: [[4, undefined]],
  events: [["backend:stopped", { reason: "a" }]],
  stats: { stepCount: 3 } as never,
  heartbeat: undefined,
});
/** What comes out of the channel. */
const transfer = (message: EngineMessage): EngineMessage | undefined =>
  unpackMessage(deserialize(serialize(packMessage(message))));

test("events come out as they went in, in their order", () => {
  const batch = batchOf(
    [1, Object.assign({ type: "accepted" }, { promptTokenCount: 5 })],
    [1, deltaEvent(oneToken)],
    [2, deltaEvent({ ...oneToken, text: "" })],
    [2, { type: "restarted" }],
    [1, deltaEvent({ ...oneToken, tokenIds: [] })],
    [3, Object.assign({ type: "tokens" }, { tokenIds: [1, 2] })],
  );
  expect(transfer(batch)).toStrictEqual(batch);
  expect(transfer({ type: "drained" })).toStrictEqual({ type: "drained" });
});

test.each(Object.keys(others) as (keyof TokenDelta)[])("no delta loses its field %s", (field) => {
  const batch = batchOf([1, deltaEvent({ ...oneToken, [field]: others[field] })], [2, deltaEvent(oneToken)]);
  expect(transfer(batch)).toStrictEqual(batch);
});

test("a delta of text alone takes no object", () => {
  const deltas = [oneToken, { ...oneToken, tokenIds: [7, 8] }, { ...oneToken, tokenIds: [] }, others];
  const packed = packMessage(batchOf(...deltas.map((delta, at) => [at, deltaEvent(delta)] as const)));
  const { text } = oneToken;
  expect(packed).toMatchObject({
    callEvents: [0, text, 1, 1, 7, 1, text, 1, 2, 7, 8, 2, text, 1, 0, 3, { type: "delta" }],
  });
});

test.each([undefined, 7, {}, { type: "other" }, { type: "batch" }, { type: "batch", callEvents: 1 }])(
  "%j is no message",
  (value) => expect(unpackMessage(value)).toBeUndefined(),
);
