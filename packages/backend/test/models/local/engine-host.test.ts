import { expect, test } from "vitest";
import type { GenerateEvent } from "../../../src/operations/generate.ts";
import { createEngineHost } from "../../../src/models/local/engine-host.ts";
import type { EngineMessage } from "../../../src/models/local/protocol.ts";
import { coreOptions, createFakeCores } from "../../support/fake-core.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A host whose channel takes nothing until it is let go. */
async function setUp(heartbeatIntervalMs: number) {
  const { cores, createCore } = createFakeCores();
  const sent: EngineMessage[] = [];
  let waiting: (() => void)[] | undefined;
  const host = createEngineHost({
    createCore,
    send: (message, onSent) => {
      sent.push(structuredClone(message));
      if (waiting === undefined) setImmediate(onSent);
      else waiting.push(onSent);
    },
    onShutdown: () => undefined,
  });
  host.receive({ type: "start", options: coreOptions, heartbeatIntervalMs });
  while (sent.length < 2) await turn();
  const generate = (callId: number, count: number): void => {
    const tokenIds = Array.from({ length: count }, (_, index) => index);
    host.receive({
      type: "call",
      callId,
      operation: "generate",
      input: { id: `r${callId}`, prompt: { kind: "tokens", tokenIds } },
    });
  };
  const tokensOf = (callId: number): readonly number[] =>
    sent
      .flatMap((message) => (message.type === "batch" ? message.callEvents : []))
      .flatMap(([id, event]) => {
        const each = event as GenerateEvent;
        return id === callId && each.type === "delta" ? each.delta.tokenIds : [];
      });
  return {
    host,
    sent,
    core: cores[0],
    generate,
    tokensOf,
    hold: () => {
      waiting = [];
    },
    letGo: () => {
      const held = waiting ?? [];
      waiting = undefined;
      for (const onSent of held) onSent();
    },
  };
}

test("keeps what a daemon that does not read could not take, and gives it out afterwards", async () => {
  const { host, sent, core, generate, tokensOf, hold, letGo } = await setUp(1);
  generate(1, 30);
  await turn();
  hold();
  const before = sent.length;
  for (let step = 0; step < 100; step += 1) {
    core?.step();
    await turn();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(sent.length - before).toBeLessThanOrEqual(8);
  letGo();
  while (tokensOf(1).length < 30) {
    core?.step();
    await turn();
  }
  expect(tokensOf(1)).toEqual(Array.from({ length: 30 }, (_, index) => index));
  // The steps of the time between are told as well.
  const steps = sent.flatMap((message) => (message.type === "batch" ? message.events : []));
  expect(steps.length).toBeGreaterThanOrEqual(100);
  await host.shutdown(0);
});

test("says that it is drained after the last reply, however slow the daemon reads", async () => {
  const { host, sent, core, generate, hold, letGo } = await setUp(60_000);
  generate(1, 20);
  generate(2, 1);
  await turn();
  hold();
  host.receive({ type: "drain", timeoutMs: 60_000 });
  for (let step = 0; step < 12; step += 1) {
    core?.step();
    await turn();
  }
  letGo();
  while (sent.at(-1)?.type !== "drained") {
    core?.step();
    await turn();
  }
  const batches = sent.flatMap((message) => (message.type === "batch" ? [message] : []));
  const finished = batches.flatMap(({ callEvents }) =>
    callEvents.filter(([, { type }]) => type === "finished"),
  );
  expect(batches.flatMap(({ callEnds }) => callEnds)).toEqual([
    [2, undefined],
    [1, undefined],
  ]);
  expect(finished.map(([callId]) => callId)).toEqual([2, 1]);
  await host.shutdown(0);
});

test("a message that cannot be read fails its call alone", async () => {
  const { host, sent } = await setUp(60_000);
  host.refuse(7, new RangeError("Maximum call stack size exceeded"));
  await turn();
  const ends = sent.flatMap((message) => (message.type === "batch" ? message.callEnds : []));
  expect(ends).toEqual([
    [7, { code: "INVALID_REQUEST", message: expect.stringContaining("Maximum call stack size") }],
  ]);
});
