import { expect, test } from "vitest";
import { areComments, WholeEvents } from "../../../src/gateway/proxy/whole-events.ts";

test("gives out whole events, however their bytes arrive", () => {
  const text = 'data: {"n":1}\n\n: ping\n\nevent: error\r\ndata: 2\r\n\r\ndata: [DONE]\n\n';
  for (let size = 1; size < text.length; size += 1) {
    const events = new WholeEvents();
    const pieces: string[] = [];
    for (let at = 0; at < text.length; at += size) {
      const piece = events.push(Buffer.from(text.slice(at, at + size)))?.toString();
      if (piece !== undefined) pieces.push(piece);
    }
    expect(pieces.join("")).toBe(text);
    for (const piece of pieces) expect(piece).toMatch(/\n\r?\n$/);
    expect(events.takeRest()).toBeUndefined();
  }
});

test("keeps what follows the last event", () => {
  const events = new WholeEvents();
  expect(events.push(Buffer.from("data: 1\n\ndata: 2"))?.toString()).toBe("data: 1\n\n");
  expect(events.isMidEvent).toBe(false);
  expect(events.takeRest()?.toString()).toBe("data: 2");
});

test("passes a long event on in parts", () => {
  const events = new WholeEvents();
  expect(events.push(Buffer.alloc(70_000, "x"))).toHaveLength(70_000);
  expect(events.isMidEvent).toBe(true);
  expect(events.push(Buffer.from("\n\n"))?.toString()).toBe("\n\n");
  expect(events.isMidEvent).toBe(false);
});

test.each([
  [": ping\n\n", true],
  [": a\r\n\r\n:\n\n", true],
  [": ping\n\ndata: 1\n\n", false],
  ["data: :\n\n", false],
])("%j: comments alone? %s", (text, are) => {
  expect(areComments(Buffer.from(text))).toBe(are);
});
