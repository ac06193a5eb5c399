import type { EngineEventSink } from "@infernode/inference";
import type { HealthEventSink } from "@infernode/health";
import type { DiscoveryEventSink } from "@infernode/discovery";
import { expect, test } from "vitest";
import { createEventBus, type EventBus } from "../../src/events/event-bus.ts";

function createRecordingBus(): { readonly bus: EventBus; readonly errors: [unknown, string][] } {
  const errors: [unknown, string][] = [];
  const bus = createEventBus({ onHandlerError: (error, eventName) => errors.push([error, eventName]) });
  return { bus, errors };
}

test("gives handlers the payload of their event, in order", () => {
  const { bus } = createRecordingBus();
  const heard: string[] = [];
  bus.on("backend:stopped", ({ reason }) => heard.push(`first ${reason}`));
  bus.on("backend:stopped", ({ reason }) => heard.push(`second ${reason}`));
  bus.on("backend:draining", () => heard.push("draining"));
  bus.emit("backend:stopped", { reason: "SIGTERM" });
  expect(heard).toEqual(["first SIGTERM", "second SIGTERM"]);
});

test("a handler that throws affects neither the emitter nor later handlers", () => {
  const { bus, errors } = createRecordingBus();
  const failure = new Error("boom");
  let laterCalls = 0;
  bus.on("backend:stopped", () => {
    throw failure;
  });
  bus.on("backend:stopped", () => {
    laterCalls += 1;
  });
  bus.onAny(() => {
    throw failure;
  });
  bus.emit("backend:stopped", { reason: "x" });
  expect(laterCalls).toBe(1);
  expect(errors).toEqual([
    [failure, "backend:stopped"],
    [failure, "backend:stopped"],
  ]);
});

test("removes only the given handler, once", () => {
  const { bus } = createRecordingBus();
  const heard: string[] = [];
  const off = bus.on("backend:stopped", () => heard.push("a"));
  bus.on("backend:stopped", () => heard.push("b"));
  off();
  off();
  bus.emit("backend:stopped", { reason: "x" });
  expect(heard).toEqual(["b"]);
});

test("passes every event to handlers of all events", () => {
  const { bus } = createRecordingBus();
  const names: string[] = [];
  const off = bus.onAny((...[name]) => void names.push(name));
  bus.emit("backend:stopped", { reason: "x" });
  bus.emit("inference:engine-stopped", { model: "m", engine: "0", reason: "x" });
  off();
  bus.emit("backend:stopped", { reason: "x" });
  expect(names).toEqual(["backend:stopped", "inference:engine-stopped"]);
});

test("fits the sinks of the packages", () => {
  const { bus } = createRecordingBus();
  const sinks: [EngineEventSink, HealthEventSink, DiscoveryEventSink] = [bus, bus, bus];
  const heard: string[] = [];
  bus.onAny((...[name]) => void heard.push(name));
  sinks[0].emit("inference:engine-stopped", { model: "m", engine: "0", reason: "x" });
  expect(heard).toEqual(["inference:engine-stopped"]);
  // @ts-expect-error a payload of another event
  bus.emit("inference:engine-stopped", { model: "m", engine: "0", requestId: "x" });
});
