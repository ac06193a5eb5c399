import { expect, test } from "vitest";
import type { EngineReply } from "../../src/engine/engine-client.ts";
import { createCallTable, type CallTable } from "../../src/engine/call-table.ts";
import type { DaemonMessage } from "../../src/engine/protocol.ts";

const accepted = { type: "accepted", promptTokenCount: 1 } as const;
const finished = {
  type: "finished",
  usage: { promptTokens: 1, completionTokens: 0, cachedPromptTokens: 0 },
  timings: { queuedMs: 0, timeToFirstTokenMs: undefined, totalMs: 1 },
} as const;
const full = {
  type: "failed",
  error: { code: "QUEUE_FULL", message: "at most 1 request may wait" },
} as const;

function setUp() {
  const sent: DaemonMessage[] = [];
  const table = createCallTable({
    send: (message) => void sent.push(message),
    limits: () => ({ requests: 8, tokens: 100, retryAfterMs: 1000 }),
  });
  return { table, sent };
}

function generate(table: CallTable, id: string): AsyncIterator<EngineReply> {
  return table.generate({ id, prompt: { kind: "tokens", tokenIds: [1] } });
}

test("a call that was accepted waits when the next process has no room for it", async () => {
  const { table, sent } = setUp();
  const [first, second] = [generate(table, "a"), generate(table, "b")];
  for (const callId of [1, 2]) table.deliver(callId, accepted);
  expect(table.settleCrash(new Error("crash"))).toEqual({ failedRequestCount: 0, replayedRequestCount: 2 });
  sent.length = 0;
  table.replay();
  table.deliver(1, accepted);
  table.deliver(2, full);
  expect(sent).toMatchObject([{ callId: 1 }, { callId: 2 }]);
  table.deliver(1, finished);
  expect(sent).toMatchObject([{ callId: 1 }, { callId: 2 }, { type: "generate", callId: 2 }]);
  table.deliver(2, accepted);
  table.deliver(2, finished);
  for (const replies of [first, second]) {
    expect((await replies.next()).value).toEqual(accepted);
    expect((await replies.next()).value).toEqual(finished);
    expect((await replies.next()).done).toBe(true);
  }
  expect(table.size).toBe(0);
});

test("a call that was never accepted is refused when there is no room", async () => {
  const { table } = setUp();
  const replies = generate(table, "a");
  table.deliver(1, full);
  await expect(replies.next()).rejects.toMatchObject({ name: "EngineRequestError", code: "QUEUE_FULL" });
  expect(table.size).toBe(0);
});
