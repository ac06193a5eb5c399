import { expect, test } from "vitest";
import type { EngineMessage } from "../../../src/models/local/protocol.ts";
import { sendInParts } from "../../../src/models/local/send-in-parts.ts";

const reply = (promptTokenCount: unknown) => ({ type: "accepted", promptTokenCount }) as never;

test("a reply that cannot be written fails its own call, the others arrive", () => {
  const sent: EngineMessage[] = [];
  const warnings: string[] = [];
  const send = sendInParts(
    (message, onSent) => {
      sent.push(structuredClone(message));
      onSent();
    },
    (message) => warnings.push(message),
  );
  let sentCount = 0;
  const stats = { stepCount: 3 } as never;
  const cannotBeCloned = (): void => undefined;
  send(
    {
      type: "batch",
      callEvents: [
        [1, reply(5)],
        [2, reply(cannotBeCloned)],
        [3, reply(6)],
      ],
      callEnds: [[3, undefined]],
      events: [
        ["backend:stopped", { reason: "a" }],
        ["backend:stopped", { reason: cannotBeCloned as never }],
      ],
      stats,
      heartbeat: undefined,
    },
    () => (sentCount += 1),
  );
  expect(sentCount).toBe(1);
  const batches = sent.flatMap((message) => (message.type === "batch" ? [message] : []));
  expect(batches.flatMap(({ callEvents }) => callEvents)).toEqual([
    [1, reply(5)],
    [3, reply(6)],
  ]);
  expect(batches.flatMap(({ callEnds }) => callEnds)).toEqual([
    [2, expect.objectContaining({ code: expect.any(String) })],
    [3, undefined],
  ]);
  expect(batches.flatMap(({ events }) => events)).toEqual([["backend:stopped", { reason: "a" }]]);
  expect(batches.every((batch) => batch.stats.stepCount === 3)).toBe(true);
  expect(warnings).toEqual([expect.stringContaining("backend:stopped")]);
});
