import { expect, test } from "vitest";
import type { DaemonMessage } from "../../../src/models/local/protocol.ts";
import { isSealedMessage, openMessage, sealMessage } from "../../../src/models/local/serialized-message.ts";

const generate = (content: unknown): DaemonMessage => ({
  type: "call",
  callId: 7,
  operation: "generate",
  input: { id: "r", prompt: { kind: "chat", messages: [content] } },
});

function nest(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = { a: value };
  return value;
}

test("a message comes out as it went in, with its call's number outside", () => {
  const message = generate({ role: "user", content: "Hello" });
  // As a channel copies it.
  const sealed: unknown = structuredClone(sealMessage(message));
  expect(isSealedMessage(sealed) && sealed.callId).toBe(7);
  expect(isSealedMessage(sealed) && openMessage(sealed)).toEqual(message);
  expect(sealMessage({ type: "shutdown" }).callId).toBeUndefined();
});

test("what is no message is refused", () => {
  expect(isSealedMessage({ type: "shutdown" })).toBe(false);
  const { bytes } = sealMessage({ type: "dance" } as never);
  expect(() => openMessage({ callId: undefined, bytes })).toThrow(TypeError);
  expect(() => openMessage({ callId: 1, bytes: bytes.subarray(0, 3) })).toThrow(/deserialize|read|header/i);
});

test("values of any depth are either written and read, or an error that can be caught", () => {
  for (const depth of [100, 1000, 2000, 3000, 5000, 100_000]) {
    let sealed: ReturnType<typeof sealMessage> | undefined;
    try {
      sealed = sealMessage(generate(nest(depth)));
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      continue;
    }
    expect(sealed.callId).toBe(7);
    try {
      openMessage(sealed);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
  }
});
