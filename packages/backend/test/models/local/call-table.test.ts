import { expect, test } from "vitest";
import {
  generate as generateOperation,
  type GenerateEvent,
  type GenerateInput,
} from "../../../src/operations/generate.ts";
import { createCallTable, type CallTable } from "../../../src/models/local/call-table.ts";
import type { CallEvent, Operation } from "../../../src/operations/operation.ts";
import type { DaemonMessage } from "../../../src/models/local/protocol.ts";

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

function generate(table: CallTable, id: string, canRestart = false): AsyncIterator<GenerateEvent> {
  return table.open(generateOperation, { id, prompt: { kind: "tokens", tokenIds: [1] }, canRestart });
}

/** As the process says it: the last event of a call comes with its end. */
function deliver(table: CallTable, callId: number, event: GenerateEvent | typeof full): void {
  if (event.type === "failed") return table.end(callId, event.error);
  table.deliver(callId, event);
  if (event.type === "finished") table.end(callId, undefined);
}

function isDeep(message: DaemonMessage): boolean {
  return message.type === "call" && (message.input as GenerateInput).id === "deep";
}

const crash = new Error("crash");

/** The ids of the calls that were sent since the last time. */
function takeIds(sent: DaemonMessage[]): readonly number[] {
  return sent.splice(0).flatMap((message) => (message.type === "call" ? [message.callId] : []));
}

async function typesOf(replies: AsyncIterator<CallEvent>): Promise<readonly string[]> {
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
  for (const callId of [1, 2]) deliver(table, callId, accepted);
  expect(table.handleCrash(new Error("crash"))).toMatchObject({
    failedRequestCount: 0,
    replayedRequestCount: 2,
  });
  sent.length = 0;
  table.replay();
  deliver(table, 1, accepted);
  expect(sent).toMatchObject([{ callId: 1 }]);
  deliver(table, 1, delta);
  deliver(table, 2, full);
  expect(sent).toMatchObject([{ callId: 1 }, { callId: 2 }]);
  deliver(table, 1, finished);
  expect(sent).toMatchObject([{ callId: 1 }, { callId: 2 }, { type: "call", callId: 2 }]);
  deliver(table, 2, accepted);
  deliver(table, 2, finished);
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
  deliver(table, 1, full);
  await expect(replies.next()).rejects.toMatchObject({ name: "EngineRequestError", code: "QUEUE_FULL" });
  expect(table.size).toBe(0);
});

test("a call that cannot be written fails alone, and nothing of it stays", () => {
  const { table } = setUp((message) => {
    if (isDeep(message)) throw new RangeError("too deep");
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
    if (isDeep(message)) throw new RangeError("too deep");
    return true;
  });
  const [before, deep, after] = [generate(table, "a"), generate(table, "deep"), generate(table, "b")];
  isReady = true;
  table.replay();
  expect(takeIds(sent)).toEqual([1, 3]);
  await expect(deep.next()).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  for (const callId of [1, 3]) {
    deliver(table, callId, accepted);
    deliver(table, callId, finished);
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
  table.handleCrash(crash);
  isReady = true;
  sent.length = 0;
  table.replay();
  expect(takeIds(sent)).toEqual([1]);
  deliver(table, 1, accepted);
  deliver(table, 1, delta);
  expect(takeIds(sent)).toEqual([2, 3]);
});

test("suspects of a crash are replayed one at a time: the cause fails, the others are answered", async () => {
  const { table, sent } = setUp();
  const [first, poison, last] = [generate(table, "a", true), generate(table, "p"), generate(table, "b")];
  for (const callId of [1, 2, 3]) deliver(table, callId, accepted);
  expect(table.handleCrash(crash)).toMatchObject({ isAttributed: false, replayedRequestCount: 3 });
  takeIds(sent);
  table.replay();
  expect(takeIds(sent)).toEqual([1]);
  deliver(table, 1, delta);
  expect(takeIds(sent)).toEqual([2]);
  const fresh = generate(table, "fresh");
  expect(table.handleCrash(crash)).toMatchObject({
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
    deliver(table, callId, finished);
  }
  expect(takeIds(sent)).toEqual([4]);
  deliver(table, 4, accepted);
  deliver(table, 4, finished);
  expect(await typesOf(first)).toEqual(["accepted", "delta", "restarted", "finished"]);
  expect(await typesOf(last)).toEqual(["accepted", "finished"]);
  expect(await typesOf(fresh)).toEqual(["accepted", "finished"]);
  expect(table.size).toBe(0);
});

test("a request that crashes an engine before its answer begins does so twice, wherever the others are", async () => {
  const { table, sent } = setUp();
  const others = [generate(table, "a", true), generate(table, "b", true)];
  const poison = generate(table, "p");
  const waiting = generate(table, "c");
  for (const callId of [1, 1, 2]) deliver(table, callId, delta);
  expect(table.handleCrash(crash)).toMatchObject({ isAttributed: false, replayedRequestCount: 4 });
  takeIds(sent);
  table.replay();
  // Were another one sent before, it could be exactly where it was at the first crash: the cause would be unknown.
  expect(takeIds(sent)).toEqual([3]);
  expect(table.handleCrash(crash)).toMatchObject({ isAttributed: true, failedRequestCount: 1 });
  await expect(typesOf(poison)).rejects.toBe(crash);
  table.replay();
  for (const callId of [4, 2, 1]) {
    expect(takeIds(sent)).toEqual([callId]);
    deliver(table, callId, finished);
  }
  for (const each of others) expect((await typesOf(each)).at(-1)).toBe("finished");
  expect(await typesOf(waiting)).toEqual(["finished"]);
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
          crashCount += 1;
          if (table.handleCrash(crash).isAttributed) open.delete(poisonId);
          expect(crashCount).toBeLessThanOrEqual(2);
          tokens.clear();
          table.replay();
          break;
        }
        tokens.set(callId, count);
        if (count === 1) deliver(table, callId, accepted);
        deliver(table, callId, count === 5 ? finished : delta);
        if (count < 5) continue;
        open.delete(callId);
        tokens.delete(callId);
      }
    }
    for (const [index, replies] of calls.entries()) {
      const types = typesOf(replies);
      if (index + 1 === poisonId) {
        await expect(types).rejects.toBe(crash);
      } else {
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
  for (const callId of [1, 2]) for (const reply of [accepted, delta, delta]) deliver(table, callId, reply);
  table.handleCrash(crash);
  table.replay();
  deliver(table, 1, delta);
  expect(table.handleCrash(crash)).toMatchObject({ isAttributed: false, failedRequestCount: 0 });
});

test("a request that was alone at two crashes is not replayed again, nor one that was there at three", async () => {
  const { table } = setUp();
  const alone = generate(table, "a", true);
  deliver(table, 1, accepted);
  expect(table.handleCrash(crash)).toMatchObject({ isAttributed: false });
  table.replay();
  deliver(table, 1, delta);
  expect(table.handleCrash(crash)).toMatchObject({ isAttributed: true, failedRequestCount: 1 });
  await expect(typesOf(alone)).rejects.toBe(crash);
  const many = [generate(table, "b", true), generate(table, "c", true)];
  for (let count = 0; count < 3; count += 1) {
    for (const callId of [2, 3]) {
      deliver(table, callId, accepted);
      for (let token = 0; token <= count; token += 1) deliver(table, callId, delta);
    }
    table.handleCrash(crash);
    table.replay();
  }
  for (const replies of many) await expect(typesOf(replies)).rejects.toBe(crash);
  expect(table.size).toBe(0);
});

test("a suspect whose reader leaves makes room for the next", () => {
  const { table, sent } = setUp();
  const leaving = table.open(generateOperation, { id: "a", prompt: { kind: "tokens", tokenIds: [1] } });
  generate(table, "b");
  table.handleCrash(crash);
  takeIds(sent);
  table.replay();
  leaving.cancel(new Error("the client left"));
  expect(sent).toMatchObject([{ callId: 1 }, { type: "cancel", callId: 1 }, { callId: 2 }]);
});

test("a crash is one of an engine that served only when some answer was begun", () => {
  const { table } = setUp();
  expect(table.hasServed).toBe(false);
  generate(table, "a");
  deliver(table, 1, accepted);
  expect(table.hasServed).toBe(false);
  deliver(table, 1, delta);
  expect(table.hasServed).toBe(true);
  table.handleCrash(crash);
  table.replay();
  expect(table.hasServed).toBe(false);
});

test("an answer without a part has been served when it has ended, and not when it has failed", () => {
  const { table } = setUp();
  for (const id of ["a", "b"]) generate(table, id);
  deliver(table, 1, full);
  expect(table.hasServed).toBe(false);
  deliver(table, 2, accepted);
  table.end(2, undefined);
  expect(table.hasServed).toBe(true);
});

test("the first token is reported once, also over a crash", () => {
  const { table } = setUp();
  const reported: string[] = [];
  const onFirstToken = (requestId: string): void => void reported.push(requestId);
  const request = { id: "timed", prompt: { kind: "tokens", tokenIds: [1] }, canRestart: true } as const;
  table.open(generateOperation, request, { onFirstToken });
  deliver(table, 1, accepted);
  deliver(table, 1, { type: "delta", delta: { ...delta.delta, tokenIds: [] } });
  expect(reported).toEqual([]);
  deliver(table, 1, delta);
  expect(reported).toEqual(["timed"]);
  table.handleCrash(crash);
  table.replay();
  deliver(table, 1, delta);
  expect(reported).toEqual(["timed"]);
});

interface CountInput {
  readonly to: number;
  readonly canRestart: boolean;
}

/** An operation that the package does not have. */
const count: Operation<CountInput, CallEvent> = {
  name: "count",
  async *run() {},
  sizeTokens: ({ to }) => to,
  canRestart: ({ canRestart }) => canRestart,
};
const counted = { type: "counted" };

test("what happens to a call after a crash is stated by its operation", async () => {
  let isReady = true;
  const { table, sent } = setUp(() => isReady);
  const again = table.open(count, { to: 1, canRestart: true });
  const once = table.open(count, { to: 1, canRestart: false });
  const early = table.open(count, { to: 1, canRestart: false });
  for (const callId of [1, 2]) table.deliver(callId, counted);
  expect(table.handleCrash(crash)).toMatchObject({ failedRequestCount: 1, replayedRequestCount: 2 });
  isReady = false;
  const quick = table.open(
    { ...count, name: "quick", runsBeforeSuspects: true },
    { to: 0, canRestart: false },
  );
  const slow = table.open(count, { to: 0, canRestart: false });
  sent.length = 0;
  isReady = true;
  table.replay();
  // One suspect at a time, the shortest first; what passes suspects does not wait for them, the rest does.
  expect(sent).toMatchObject([
    { type: "call", callId: 3, operation: "count", input: { to: 1, canRestart: false } },
    { type: "call", callId: 4, operation: "quick" },
  ]);
  sent.length = 0;
  for (const callId of [3, 1]) {
    table.deliver(callId, counted);
    table.end(callId, undefined);
  }
  expect(takeIds(sent)).toEqual([1, 5]);
  for (const callId of [4, 5]) table.end(callId, undefined);
  expect(await typesOf(again)).toEqual(["counted", "restarted", "counted"]);
  await expect(typesOf(once)).rejects.toBe(crash);
  expect(await typesOf(early)).toEqual(["counted"]);
  for (const events of [quick, slow]) expect(await typesOf(events)).toEqual([]);
  expect(table.size).toBe(0);
});

test("how much may wait is stated by the operation's size", () => {
  const { table } = setUp(() => false);
  table.open(count, { to: 99, canRestart: false });
  expect(() => table.open(count, { to: 2, canRestart: false })).toThrow(
    expect.objectContaining({
      code: "QUEUE_FULL",
      data: expect.objectContaining({ resource: "tokens", limit: 100, requested: 101 }),
    }),
  );
  table.open(count, { to: 1, canRestart: false });
  expect(table.size).toBe(2);
});

test("a reader that is behind pauses its call by the weights that the operation gives", async () => {
  const { table, sent } = setUp();
  const events = table.open({ ...count, weigh: () => 400 }, { to: 1, canRestart: false });
  sent.length = 0;
  for (let each = 0; each < 3; each += 1) table.deliver(1, counted);
  expect(sent).toEqual([{ type: "pause", callId: 1 }]);
  for (let each = 0; each < 3; each += 1) await events.next();
  expect(sent).toEqual([
    { type: "pause", callId: 1 },
    { type: "resume", callId: 1 },
  ]);
});
