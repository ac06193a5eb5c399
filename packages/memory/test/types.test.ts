import { expect, it } from "vitest";
import { createHostMemoryPool, createMemoryTracker, type MemoryEventSink } from "../src/index.ts";

type LargerBus = {
  emit(
    ...event:
      | ["memory:alert", { readonly deviceId: string; readonly pressure: string }]
      | ["memory:leaks-found", { readonly totalBytes: number }]
      | ["engine:stopped", { readonly reason: string }]
  ): void;
};

it("takes a bus with a larger map, and refuses one that lacks an event", () => {
  const names: string[] = [];
  const larger: LargerBus = { emit: (...event) => void names.push(event[0]) };
  const fits: MemoryEventSink = larger;
  const emitAlert = (name: "memory:alert", payload: { readonly deviceId: string }): void => {
    names.push(name, payload.deviceId);
  };
  // @ts-expect-error a sink must take every event of the package
  const lacks: MemoryEventSink = { emit: emitAlert };
  const tracker = createMemoryTracker({ events: fits, limits: { cpu: 10 } });
  tracker.record({ model: "llama", purpose: "weights" }, "cpu", 10);
  expect(names).toEqual(["memory:alert"]);
  expect(lacks).toHaveProperty("emit");
});

it("fits where only bytes are wanted", () => {
  using pool = createHostMemoryPool({ limitBytes: 2 ** 20 });
  const port: {
    allocate(request: {
      readonly sizeBytes: number;
      readonly tag: { readonly model: string; readonly purpose: "weights" };
    }): {
      readonly bytes: Uint8Array;
      dispose(): void;
    };
  } = pool;
  const block = port.allocate({ sizeBytes: 3, tag: { model: "llama", purpose: "weights" } });
  expect(block.bytes).toHaveLength(3);
  block.dispose();
});
