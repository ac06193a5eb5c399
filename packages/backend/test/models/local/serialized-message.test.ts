import { expect, test } from "vitest";
import type { DaemonMessage } from "../../../src/models/local/protocol.ts";
import {
  isSerializedMessage,
  deserializeMessage,
  serializeMessage,
} from "../../../src/models/local/serialized-message.ts";

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
  const serialized: unknown = structuredClone(serializeMessage(message));
  expect(isSerializedMessage(serialized) && serialized.callId).toBe(7);
  expect(isSerializedMessage(serialized) && deserializeMessage(serialized)).toEqual(message);
  expect(serializeMessage({ type: "shutdown" }).callId).toBeUndefined();
});

test("what is no message is refused", () => {
  expect(isSerializedMessage({ type: "shutdown" })).toBe(false);
  const { bytes } = serializeMessage({ type: "dance" } as never);
  expect(() => deserializeMessage({ callId: undefined, bytes })).toThrow(TypeError);
  expect(() => deserializeMessage({ callId: 1, bytes: bytes.subarray(0, 3) })).toThrow(
    /deserialize|read|header/i,
  );
});

test("values of any depth are either written and read, or an error that can be caught", () => {
  for (const depth of [100, 1000, 2000, 3000, 5000, 100_000]) {
    let serialized: ReturnType<typeof serializeMessage> | undefined;
    try {
      serialized = serializeMessage(generate(nest(depth)));
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      continue;
    }
    expect(serialized.callId).toBe(7);
    try {
      deserializeMessage(serialized);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
  }
});
