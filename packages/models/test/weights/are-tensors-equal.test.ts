import { describe, expect, it } from "vitest";
import { areTensorsEqual } from "../../src/weights/are-tensors-equal.ts";
import { decodeElements } from "../../src/weights/decode-elements.ts";
import type { TensorDtype, TensorInfo, WeightIndex } from "../../src/index.ts";

function indexOf(stored: Record<string, { readonly dtype: TensorDtype; readonly bytes: Uint8Array }>) {
  const tensors = new Map<string, TensorInfo>();
  for (const [name, { dtype, bytes }] of Object.entries(stored)) {
    const shape = [bytes.length / (dtype === "F32" ? 4 : 2)];
    tensors.set(name, { name, dtype, shape, filePath: "/weights", startByte: 0, endByte: bytes.length });
  }
  const bytesOf = (name: string): Uint8Array => stored[name]?.bytes ?? new Uint8Array();
  const index: WeightIndex = {
    tensors,
    totalBytes: 0,
    parameterCount: 0,
    weight: () => undefined,
    read: async (name) => bytesOf(name),
    readRange: async (name, { startByte, endByte }) => bytesOf(name).slice(startByte, endByte),
    close: async () => {},
  };
  const areEqual = (): Promise<boolean> =>
    areTensorsEqual(index, ["a", tensors.get("a")!], ["b", tensors.get("b")!]);
  return { areEqual };
}
const f32 = (values: ArrayLike<number>): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const u16 = (values: ArrayLike<number>): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);

describe("areTensorsEqual", () => {
  it("finds a difference in the last of many numbers", async () => {
    const a = new Float32Array(2 ** 20 + 3).fill(1);
    const b = a.slice();
    expect(
      await indexOf({ a: { dtype: "F32", bytes: f32(a) }, b: { dtype: "F32", bytes: f32(b) } }).areEqual(),
    ).toBe(true);
    b[b.length - 1] = 1.5;
    expect(
      await indexOf({ a: { dtype: "F32", bytes: f32(a) }, b: { dtype: "F32", bytes: f32(b) } }).areEqual(),
    ).toBe(false);
  });

  it("compares numbers, not their storage", async () => {
    const a = { dtype: "F32", bytes: f32([1, -2, 0, 0.5]) } as const;
    expect(
      await indexOf({ a, b: { dtype: "F16", bytes: u16([0x3c00, 0xc000, 0x8000, 0x3800]) } }).areEqual(),
    ).toBe(true);
    expect(
      await indexOf({ a, b: { dtype: "BF16", bytes: u16([0x3f80, 0xc000, 0, 0x3f00]) } }).areEqual(),
    ).toBe(true);
    expect(
      await indexOf({ a, b: { dtype: "BF16", bytes: u16([0x3f80, 0xc000, 0, 0x3f01]) } }).areEqual(),
    ).toBe(false);
  });
});

describe("decodeElements", () => {
  it("reads every kind of half precision number", () => {
    const bits = [0x0001, 0x03ff, 0x0400, 0x7bff, 0xfbff, 0x7c00, 0xfc00];
    const values = [2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65_504, -65_504, Infinity, -Infinity];
    expect([...decodeElements(u16(bits), "F16")]).toEqual(values);
    expect(decodeElements(u16([0x7c01]), "F16")[0]).toBeNaN();
  });
});
