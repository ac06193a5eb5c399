import { expect, test } from "vitest";
import type { EngineReply } from "../../src/engine/engine-client.ts";
import { createCallTable, type CallTable } from "../../src/engine/call-table.ts";
import type { DaemonMessage } from "../../src/engine/protocol.ts";

const accepted = { type: "accepted", promptTokenCount: 1 } as const;
const delta = {
  type: "delta",
  delta: {
    index: 0,
    text: "a",
    tokenIds: [1],
    logprobs: undefined,
    finishReason: undefined,
    stopReason: undefined,
  },
} as const;
const finished = {
  type: "finished",
  usage: { promptTokens: 1, completionTokens: 0, cachedPromptTokens: 0 },
  timings: { queuedMs: 0, timeToFirstTokenMs: undefined, totalMs: 1 },
} as const;
const full = {
  type: "failed",
  error: { code: "QUEUE_FULL", message: "at most 1 request may wait" },
} as const;

function setUp(send?: (message: DaemonMessage) => boolean) {
  const sent: DaemonMessage[] = [];
  const table = createCallTable({
    send: (message) => (send?.(message) ?? true) && sent.push(message) > 0,
    isAnswering: () => false,
    limits: () => ({ requests: 8, tokens: 100, retryAfterMs: 1000 }),
  });
  return { table, sent };
}

function generate(table: CallTable, id: string, canRestart = false): AsyncIterator<EngineReply> {
  return table.generate({ id, prompt: { kind: "tokens", tokenIds: [1] }, canRestart });
}

const crash = new Error("crash");

/** The ids of the calls that were sent since the last time. */
function takeIds(sent: DaemonMessage[]): readonly number[] {
  return sent.splice(0).flatMap((message) => (message.type === "generate" ? [message.callId] : []));
}

async function typesOf(replies: AsyncIterator<EngineReply>): Promise<readonly string[]> {
  const types: string[] = [];
  for (;;) {
    const { value, done } = await replies.next();
    if (done === true) return types;
    types.push(value.type);
  }
}

test("a call that was accepted waits when the next process has no room for it", async () => {
  const { table, sent } = setUp();
  const [first, second] = [generate(table, "a"), generate(table, "b")];
  for (const callId of [1, 2]) table.deliver(callId, accepted);
  expect(table.settleCrash(new Error("crash"))).toMatchObject({
    failedRequestCount: 0,
    replayedRequestCount: 2,
  });
  sent.length = 0;
  table.replay();
  table.deliver(1, accepted);
  expect(sent).toMatchObject([{ callId: 1 }]);
  table.deliver(1, delta);
  table.deliver(2, full);
  expect(sent).toMatchObject([{ callId: 1 }, { callId: 2 }]);
  table.deliver(1, finished);
  expect(sent).toMatchObject([{ callId: 1 }, { callId: 2 }, { type: "generate", callId: 2 }]);
  table.deliver(2, accepted);
  table.deliver(2, finished);
  for (const replies of [first, second]) {
    expect((await replies.next()).value).toEqual(accepted);
    if (replies === first) expect((await replies.next()).value).toEqual(delta);
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

test("a call that cannot be written fails alone, and nothing of it stays", () => {
  const { table } = setUp((message) => {
    if (message.type === "generate" && message.request.id === "deep") throw new RangeError("too deep");
    return true;
  });
  expect(() => generate(table, "deep")).toThrow(
    expect.objectContaining({ code: "INVALID_REQUEST", message: expect.stringContaining("too deep") }),
  );
  expect(table.size).toBe(0);
});

test("a call that cannot be written when it is replayed fails alone", async () => {
  let isReady = false;
  const { table, sent } = setUp((message) => {
    if (!isReady) return false;
    if (message.type === "generate" && message.request.id === "deep") throw new RangeError("too deep");
    return true;
  });
  const [before, deep, after] = [generate(table, "a"), generate(table, "deep"), generate(table, "b")];
  isReady = true;
  table.replay();
  expect(takeIds(sent)).toEqual([1, 3]);
  await expect(deep.next()).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  for (const callId of [1, 3]) {
    table.deliver(callId, accepted);
    table.deliver(callId, finished);
  }
  for (const replies of [before, after]) expect(await typesOf(replies)).toEqual(["accepted", "finished"]);
  expect(table.size).toBe(0);
});

test("calls that no process had are not suspects of its crash", () => {
  let isReady = true;
  const { table, sent } = setUp(() => isReady);
  generate(table, "a");
  isReady = false;
  generate(table, "b");
  generate(table, "c");
  table.settleCrash(crash);
  isReady = true;
  sent.length = 0;
  table.replay();
  expect(takeIds(sent)).toEqual([1]);
  table.deliver(1, accepted);
  table.deliver(1, delta);
  expect(takeIds(sent)).toEqual([2, 3]);
});

test("suspects of a crash are replayed one at a time: the cause fails, the others are answered", async () => {
  const { table, sent } = setUp();
  const [first, poison, last] = [generate(table, "a", true), generate(table, "p"), generate(table, "b")];
  for (const callId of [1, 2, 3]) table.deliver(callId, accepted);
  expect(table.settleCrash(crash)).toMatchObject({ isAttributed: false, replayedRequestCount: 3 });
  takeIds(sent);
  table.replay();
  expect(takeIds(sent)).toEqual([1]);
  table.deliver(1, delta);
  expect(takeIds(sent)).toEqual([2]);
  const fresh = generate(table, "fresh");
  expect(table.settleCrash(crash)).toMatchObject({
    isAttributed: true,
    failedRequestCount: 1,
    replayedRequestCount: 3,
  });
  await poison.next();
  await expect(poison.next()).rejects.toBe(crash);
  table.replay();
  // What had no part in the second crash comes after the others.
  for (const callId of [3, 1]) {
    expect(takeIds(sent)).toEqual([callId]);
    table.deliver(callId, finished);
  }
  expect(takeIds(sent)).toEqual([4]);
  table.deliver(4, accepted);
  table.deliver(4, finished);
  expect(await typesOf(first)).toEqual(["accepted", "delta", "restarted", "finished"]);
  expect(await typesOf(last)).toEqual(["accepted", "finished"]);
  expect(await typesOf(fresh)).toEqual(["accepted", "finished"]);
  expect(table.size).toBe(0);
});

test.each([1, 2, 3])(
  "a request that crashes an engine late is found, and the others are answered (as number %i)",
  async (poisonId) => {
    const { table, sent } = setUp();
    const calls = [generate(table, "a", true), generate(table, "b", true), generate(table, "c", true)];
    const open = new Set([1, 2, 3]);
    const tokens = new Map<number, number>();
    let crashCount = 0;
    // One crashes the engine at its third token; the others have five.
    while (open.size > 0) {
      for (const callId of takeIds(sent)) tokens.set(callId, 0);
      for (const [callId, before] of tokens) {
        const count = before + 1;
        if (callId === poisonId && count === 3) {
          crashCount++;
          if (table.settleCrash(crash).isAttributed) open.delete(poisonId);
          expect(crashCount).toBeLessThanOrEqual(2);
          tokens.clear();
          table.replay();
          break;
        }
        tokens.set(callId, count);
        if (count === 1) table.deliver(callId, accepted);
        table.deliver(callId, count === 5 ? finished : delta);
        if (count < 5) continue;
        open.delete(callId);
        tokens.delete(callId);
      }
    }
    for (const [index, replies] of calls.entries()) {
      const types = typesOf(replies);
      if (index + 1 === poisonId) await expect(types).rejects.toBe(crash);
      else {
        const last = (await types).slice((await types).lastIndexOf("restarted") + 1);
        expect(last).toEqual(["delta", "delta", "delta", "delta", "finished"]);
      }
    }
    expect(table.size).toBe(0);
  },
);

test("a crash that comes at another place than the first is blamed on nobody", () => {
  const { table } = setUp();
  generate(table, "a", true);
  generate(table, "b", true);
  for (const callId of [1, 2]) for (const reply of [accepted, delta, delta]) table.deliver(callId, reply);
  table.settleCrash(crash);
  table.replay();
  table.deliver(1, delta);
  expect(table.settleCrash(crash)).toMatchObject({ isAttributed: false, failedRequestCount: 0 });
});

test("a request that was alone at two crashes is not replayed again, nor one that was there at three", async () => {
  const { table } = setUp();
  const alone = generate(table, "a", true);
  table.deliver(1, accepted);
  expect(table.settleCrash(crash)).toMatchObject({ isAttributed: false });
  table.replay();
  table.deliver(1, delta);
  expect(table.settleCrash(crash)).toMatchObject({ isAttributed: true, failedRequestCount: 1 });
  await expect(typesOf(alone)).rejects.toBe(crash);
  const many = [generate(table, "b", true), generate(table, "c", true)];
  for (let count = 0; count < 3; count++) {
    for (const callId of [2, 3]) {
      table.deliver(callId, accepted);
      for (let token = 0; token <= count; token++) table.deliver(callId, delta);
    }
    table.settleCrash(crash);
    table.replay();
  }
  for (const replies of many) await expect(typesOf(replies)).rejects.toBe(crash);
  expect(table.size).toBe(0);
});

test("a suspect whose reader leaves makes room for the next", () => {
  const { table, sent } = setUp();
  const leaving = table.generate({ id: "a", prompt: { kind: "tokens", tokenIds: [1] } });
  generate(table, "b");
  table.settleCrash(crash);
  takeIds(sent);
  table.replay();
  leaving.cancel(new Error("the client left"));
  expect(sent).toMatchObject([{ callId: 1 }, { type: "cancel", callId: 1 }, { callId: 2 }]);
});

test("a crash is one of an engine that served only when some answer was begun", () => {
  const { table } = setUp();
  expect(table.hasServed).toBe(false);
  generate(table, "a");
  table.deliver(1, accepted);
  expect(table.hasServed).toBe(false);
  table.deliver(1, delta);
  expect(table.hasServed).toBe(true);
  table.settleCrash(crash);
  table.replay();
  expect(table.hasServed).toBe(false);
});
