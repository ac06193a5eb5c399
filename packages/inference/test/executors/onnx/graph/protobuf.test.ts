import { expect, test } from "vitest";
import { ProtobufWriter } from "../../../../src/executors/onnx/graph/protobuf.ts";

function bytesOf(writer: ProtobufWriter): number[] {
  return [...writer.finish()];
}

test("writes integers in groups of seven bits, lowest first", () => {
  expect(bytesOf(new ProtobufWriter().int(1, 0))).toEqual([0x08, 0]);
  expect(bytesOf(new ProtobufWriter().int(1, 127))).toEqual([0x08, 127]);
  expect(bytesOf(new ProtobufWriter().int(1, 300))).toEqual([0x08, 0xac, 0x02]);
  expect(bytesOf(new ProtobufWriter().int(2, 2 ** 35))).toEqual([0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]);
});

test("writes negative integers as ten bytes of two's complement", () => {
  expect(bytesOf(new ProtobufWriter().int(3, -1))).toEqual([
    0x18,
    ...Array.from({ length: 9 }, () => 0xff),
    0x01,
  ]);
});

test("writes field numbers above 15 in two bytes", () => {
  expect(bytesOf(new ProtobufWriter().int(20, 2))).toEqual([0xa0, 0x01, 2]);
});

test("writes floats as four bytes, little-endian", () => {
  expect(bytesOf(new ProtobufWriter().float(2, 1))).toEqual([0x15, 0, 0, 0x80, 0x3f]);
});

test("writes text as UTF-8 with its length in bytes", () => {
  expect(bytesOf(new ProtobufWriter().string(1, "é"))).toEqual([0x0a, 2, 0xc3, 0xa9]);
});

test("nests messages and grows as far as is needed", () => {
  const inner = new ProtobufWriter().bytes(1, new Uint8Array(5000).fill(7));
  const outer = bytesOf(new ProtobufWriter().message(1, inner).int(2, 1));
  expect(outer.length).toBe(1 + 2 + 5003 + 2);
  expect(outer.slice(0, 6)).toEqual([0x0a, 0x8b, 0x27, 0x0a, 0x88, 0x27]);
  expect(outer.slice(-3)).toEqual([7, 0x10, 1]);
});
