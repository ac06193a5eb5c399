import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createRandom } from "../../benchmarks/lib/random.ts";
import type { LaunchOptions } from "../../packages/memory/src/cuda/index.ts";
import { describeOverProcessor } from "../support/cuda/describe-over-processor.ts";
import { deviceFunctions as manifest } from "../support/cuda/kernels/device-functions.ts";
import { type KernelArgument, runKernel } from "../support/cuda/run-kernel.ts";

const image = readFileSync(new URL("../support/cuda/kernels/device-functions.ptx", import.meta.url), "utf8");

/** The bits of a float32. */
const bitsOf = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
const fromBits = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0] ?? 0;
const bf16 = (value: number): number => {
  const bits = bitsOf(value);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
};
const roundBf16 = (value: number): number => fromBits(bf16(value) << 16);
/** Rounds to 11 bits, within the normal numbers of float16. */
const roundF16 = (value: number): number => {
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
  const steps = value / unit;
  const nearest = Math.round(steps);
  const isTie = Math.abs(steps - Math.trunc(steps)) === 0.5;
  return (isTie ? 2 * Math.round(steps / 2) : nearest) * unit;
};
/** Small integers as float16. */
const f16 = (value: number): number => {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const fraction = Math.abs(value) / 2 ** exponent - 1;
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | (fraction * 1024);
};

describeOverProcessor("functions of kernels", { ptx: [image] }, ({ driver }) => {
  const run = (
    name: keyof typeof manifest.entries,
    options: LaunchOptions,
    ...args: readonly KernelArgument[]
  ): void => runKernel(driver, { image, manifest, name }, { options, args });
  const random = createRandom(5);
  const smallIntegers = (count: number): readonly number[] =>
    Array.from({ length: count }, () => Math.floor(random() * 9) - 4);

  /** c(16, 8) = a(16, k) · b(k, 8), b in columns. */
  const multiply = (a: readonly number[], b: readonly number[], k: number): readonly number[] =>
    Array.from({ length: 128 }, (_, index) => {
      const [row, column] = [Math.floor(index / 8), index % 8];
      let sum = 0;
      for (let at = 0; at < k; at += 1) sum += (a[row * k + at] ?? 0) * (b[column * k + at] ?? 0);
      return sum;
    });

  it("exchange numbers between lanes", () => {
    const input = Float32Array.from({ length: 64 }, (_, index) => Math.fround(Math.sin(index)));
    const out = new Float32Array(384);
    const whole = new Int32Array(256);
    run("lanes", { grid: 1, block: 64 }, { fresh: out }, input, { fresh: whole });
    const at = (index: number): number => input[index] ?? Number.NaN;
    for (let i = 0; i < 64; i += 1) {
      const [lane, first] = [i % 32, i - (i % 32)];
      const warp = [...input.subarray(first, first + 32)];
      expect(out[i]).toBe(at(first + (lane ^ 5)));
      expect(out[64 + i]).toBe(at(first + Math.floor(lane / 2)));
      expect(out[128 + i]).toBe(at(lane < 3 ? i : i - 3));
      expect(out[192 + i]).toBe(at(lane > 28 ? i : i + 3));
      expect(out[256 + i]).toBeCloseTo(
        warp.reduce((sum, value) => sum + value),
        5,
      );
      expect(out[320 + i]).toBe(Math.max(...warp));
      expect((whole[i] ?? 0) >>> 0).toBe(
        warp.reduce((votes, value, bit) => votes + (value > 0 ? 2 ** bit : 0), 0),
      );
      expect(whole[64 + i]).toBe(
        Number(warp.some((value) => value > 0.9)) + 2 * Number(warp.every((value) => value > -0.5)),
      );
      expect(whole[128 + i]).toBe(lane < 16 ? (i ^ 1) + 1000 : (i ^ 2) + 2000);
      expect(whole[192 + i]).toBe(i ^ 3);
    }
  });

  it("compute as their names say", () => {
    const count = 300;
    const x = Float32Array.from({ length: count }, () => 0.01 + random() * 3);
    const k = Int32Array.from({ length: count }, () => Math.floor((random() - 0.5) * 4e9));
    const out = new Float32Array(12 * count);
    const whole = new Int32Array(12 * count);
    const [unsigned, wide] = [3_000_000_000, 123_456_789_012n];
    const options = { grid: 2, block: 256 };
    run("arithmetic", options, { fresh: out }, { fresh: whole }, x, k, count, unsigned, wide, 0.5);
    for (let i = 0; i < count; i += 1) {
      const [v, n] = [x[i] ?? 0, k[i] ?? 0];
      const close = (group: number, value: number): void =>
        expect(
          Math.abs((out[group * count + i] ?? Number.NaN) - value),
          `group ${group} of ${v}`,
        ).toBeLessThan(2e-6 * Math.max(1, Math.abs(value)));
      const same = (group: number, value: number): void =>
        expect(whole[group * count + i], `group ${group} of ${n} and ${v}`).toBe(value);
      close(0, 1 / Math.sqrt(v));
      close(1, Math.sqrt(v));
      close(2, 1 / v);
      close(3, 2 ** (v / 2));
      close(4, Math.log2(v));
      close(5, Math.sin(v));
      close(6, Math.cos(v));
      close(7, Math.exp(-v) + Math.log(v));
      close(8, 3 * v + Math.min(v, 1) - v / 3);
      close(9, Math.floor(v) + roundF16(v) * 1000);
      close(10, roundBf16(v) * -999);
      close(11, roundF16(Math.fround(v * 3)) - roundF16(v));
      same(0, Math.round(Math.fround(v * 10)));
      same(1, (Math.imul(Math.trunc(n / 7), 1000) + (n % 7)) | 0);
      same(2, Math.floor((n >>> 0) / 10) ^ (n >> 3) ^ (n << 5));
      same(3, (Math.min(n, 100) + Math.max(n, -100) + Math.max(unsigned, n >>> 0)) | 0);
      const bytes = [n << 24, n << 16, n << 8, n].map((byte) => byte >> 24);
      same(
        4,
        [-128, 127, -1, 1].reduce((sum, factor, index) => sum + factor * (bytes[index] ?? 0), -5),
      );
      same(5, Number(BigInt.asIntN(32, (BigInt(n) * wide) >> 32n)));
      same(6, Math.trunc(v) + Math.trunc(Math.fround(v * 7)));
      const ones = (n >>> 0).toString(2).replaceAll("0", "").length;
      same(7, ones + 100 * Math.clz32(n));
      same(8, ((n & 0xff00) >> 8) | ((n & ~15) ^ 3));
      same(9, (bitsOf(v) >>> 16) + bf16(v));
      same(10, n > 5 && v < 2 ? n : -n | 0);
      same(11, ((n & 255) + ((n << 24) >> 24) + (n & 65_535)) | 0);
    }
  });

  it("read tables of the module and arrays of a thread", () => {
    const order = Int32Array.from({ length: 16 }, (_, index) => (index * 7 + 3) % 16);
    const out = new Float32Array(128);
    run("arrays", { grid: 2, block: 64 }, { fresh: out }, order);
    const table = [0.5, -1, ...Array.from({ length: 13 }, (_, index) => index + 2), -15];
    const expected = Array.from({ length: 128 }, (_, index) => {
      const thread = index % 64;
      const own: number[] = [];
      for (const [at, place] of order.entries()) own[place] = (table[at] ?? 0) + thread;
      return order.reduce((sum, place) => sum * 0.5 + (own[(place + thread) & 15] ?? 0), 0);
    });
    for (const [index, value] of expected.entries()) expect(out[index]).toBeCloseTo(value, 3);
  });

  it("add, compare and swap without losing any", () => {
    const values = Int32Array.from({ length: 288 }, () => Math.floor(random() * 1000));
    const counts = new Int32Array(7);
    const sum = new Float32Array(1);
    const largest = new BigUint64Array(1);
    run("atomics", { grid: 3, block: 96 }, counts, sum, largest, values);
    const most = Math.max(...values);
    const kinds = [0, 1, 2, 3].map((kind) => values.filter((value) => (value & 3) === kind).length);
    expect([...counts]).toEqual([...kinds, most, values.reduce((total, value) => total + value), 576]);
    expect(sum[0]).toBe(144);
    const threads = [...values.keys()].filter((index) => values[index] === most).map((index) => index % 96);
    expect(largest[0]).toBe((BigInt(most) << 32n) | BigInt(Math.max(...threads)));
  });

  it("wait for some of the threads at a barrier", () => {
    const out = new Int32Array(128);
    run("halves", { grid: 1, block: 128 }, { fresh: out });
    expect([...out]).toEqual(
      Array.from({ length: 128 }, (_, index) => (Math.floor(index / 64) * 64 + 63 - (index % 64)) * 3),
    );
  });

  it("multiply matrices of 16 bits and of bytes, without an error where numbers are integers", () => {
    const [a, b] = [smallIntegers(256), smallIntegers(128)];
    const expected = multiply(a, b, 16);
    const out = new Float32Array(128);
    const options = { grid: 1, block: 32, dynamicSharedBytes: 1024 };
    run("product_bf16", options, { fresh: out }, Uint16Array.from(a, bf16), Uint16Array.from(b, bf16));
    expect([...out]).toEqual(expected);
    run("product_f16", options, { fresh: out }, Uint16Array.from(a, f16), Uint16Array.from(b, f16));
    expect([...out]).toEqual(expected);
    const rows = Uint16Array.from({ length: 128 }, (_, index) =>
      bf16(b[(index % 8) * 16 + Math.floor(index / 8)] ?? 0),
    );
    run("product_transposed", { grid: 1, block: 32 }, { fresh: out }, Uint16Array.from(a, bf16), rows);
    expect([...out]).toEqual(expected);
    const [wide, tall] = [smallIntegers(512), smallIntegers(256)];
    const whole = new Int32Array(128);
    run("product_int8", { grid: 1, block: 32 }, { fresh: whole }, Int8Array.from(wide), Int8Array.from(tall));
    expect([...whole]).toEqual(multiply(wide, tall, 32));
  });

  it("use more than 48 KiB of shared memory, and the last block adds up what all left", () => {
    const count = 15_000;
    const total = new Float32Array(1);
    const partial = new Float32Array(10);
    const options = { grid: 5, block: 64, dynamicSharedBytes: 4 * count };
    run("last_block", options, { fresh: total }, { fresh: partial }, new Uint32Array(1), count);
    expect((total[0] ?? 0) / (5 * ((count * (count - 1)) / 2))).toBeCloseTo(1, 5);
  });
});
