import { expect, test } from "vitest";
import { KvSlots, slotBytes } from "../../../src/executors/slots/kv-slots.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

const shape = {
  layerCount: 2,
  slotCount: 3,
  kvHeadCount: 2,
  capacityTokens: 4,
  headDim: 1,
  dtype: "float32",
} as const;

/** `[layer and kind][float]` of one slot. */
function readSlot(kv: KvSlots, slot: number): number[][] {
  return [...kv.views(slot, 1)].map((bytes) => Array.from(new Float32Array(bytes.slice().buffer)));
}

function fillSlots(kv: KvSlots): void {
  for (let slot = 0; slot < shape.slotCount; slot += 1) {
    for (const [index, bytes] of [...kv.views(slot, 1)].entries()) {
      const floats = Float32Array.from({ length: 8 }, (_, at) => slot * 1000 + index * 100 + at);
      bytes.set(new Uint8Array(floats.buffer));
    }
  }
}

test("allocates one block per layer for keys and one for values, and frees all", () => {
  const memory = new PlainMemory();
  const kv = new KvSlots(shape, memory, { model: "m" });
  expect(slotBytes(shape)).toBe(2 * 4 * 1 * 4);
  expect([memory.liveBlockCount, memory.liveBytes]).toEqual([4, 4 * 3 * 32]);
  kv.dispose();
  expect(memory.liveBlockCount).toBe(0);
});

test("copies the first positions of every head, and nothing else", () => {
  const kv = new KvSlots(shape, new PlainMemory(), { model: "m" });
  fillSlots(kv);
  kv.move({ from: 2, to: 0, fromTokens: 3, toTokens: 0 });
  expect(readSlot(kv, 0)[1]).toEqual([2100, 2101, 2102, 103, 2104, 2105, 2106, 107]);
  expect(readSlot(kv, 1)[1]).toEqual([1100, 1101, 1102, 1103, 1104, 1105, 1106, 1107]);
});

test("swaps two slots of different length", () => {
  const kv = new KvSlots(shape, new PlainMemory(), { model: "m" });
  fillSlots(kv);
  kv.move({ from: 2, to: 0, fromTokens: 1, toTokens: 3 });
  expect(readSlot(kv, 0)[3]?.slice(0, 1)).toEqual([2300]);
  expect(readSlot(kv, 2)[3]?.slice(0, 3)).toEqual([300, 301, 302]);
  expect(readSlot(kv, 2)[3]?.slice(4, 7)).toEqual([304, 305, 306]);
});

test("frees its blocks when an allocation fails", () => {
  const memory = new PlainMemory();
  memory.limitBytes = 3 * 96;
  expect(() => new KvSlots(shape, memory, { model: "m" })).toThrow("out of memory at layer 1 values");
  expect(memory.liveBlockCount).toBe(0);
});
