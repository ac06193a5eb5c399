import { expect, test } from "vitest";
import { isDaemonMessage, isEngineMessage } from "../../../src/models/local/protocol.ts";

const garbage = [undefined, null, 7, "ready", [], {}, { type: "other" }, { type: { type: "ready" } }];

test("knows each side's messages, and takes nothing else for one", () => {
  expect(isDaemonMessage({ type: "shutdown" })).toBe(true);
  expect(isEngineMessage({ type: "drained" })).toBe(true);
  expect(isDaemonMessage({ type: "drained" })).toBe(false);
  expect(isEngineMessage({ type: "shutdown" })).toBe(false);
  expect(garbage.filter((value) => isDaemonMessage(value) || isEngineMessage(value))).toEqual([]);
});
