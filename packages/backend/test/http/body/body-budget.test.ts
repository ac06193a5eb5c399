import { expect, test, vi } from "vitest";
import { createBodyBudget } from "../../../src/http/body/body-budget.ts";

const never = new AbortController().signal;
const take = (sizeBytes: number, onLate: () => void = () => undefined, signal = never) => ({
  sizeBytes,
  onLate,
  signal,
});

test("large bodies leave a quarter to small ones", async () => {
  const budget = createBodyBudget({ totalBytes: 1000 });
  const large = await budget.take(take(750));
  const small = budget.open();
  expect(small.grow(200)).toBe(true);
  expect(small.grow(51)).toBe(false);
  expect(budget.usedBytes).toBe(950);
  small.release();
  large?.release();
  large?.release();
  expect(budget.usedBytes).toBe(0);
  expect(small.grow(1)).toBe(false);
});

test("large bodies wait in their order, and what is not needed is given back", async () => {
  const budget = createBodyBudget({ totalBytes: 1000 });
  const first = await budget.take(take(700));
  const order: string[] = [];
  const second = budget.take(take(600)).then((share) => (order.push("second"), share));
  const third = budget.take(take(10)).then((share) => (order.push("third"), share));
  first?.settle(100);
  const [a, b] = await Promise.all([second, third]);
  expect(order).toEqual(["second", "third"]);
  expect(budget.usedBytes).toBe(710);
  for (const share of [first, a, b]) share?.release();
  expect(budget.usedBytes).toBe(0);
});

test("one that is larger than everything comes when it is alone", async () => {
  const budget = createBodyBudget({ totalBytes: 1000 });
  const share = await budget.take(take(5000));
  expect(budget.usedBytes).toBe(5000);
  share?.release();
  expect(budget.usedBytes).toBe(0);
});

test("who waits too long gets nothing, and who keeps others waiting is told, only then", async () => {
  vi.useFakeTimers();
  try {
    const budget = createBodyBudget({ totalBytes: 1000, patienceMs: 1000 });
    const onLate = vi.fn<() => void>();
    const slow = await budget.take(take(700, onLate));
    await vi.advanceTimersByTimeAsync(5000);
    // Nobody waits: it may take its time.
    expect(onLate).not.toHaveBeenCalled();
    const waiting = budget.take(take(700));
    expect(onLate).toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1000);
    expect(await waiting).toBeUndefined();
    const patient = budget.take(take(700));
    slow?.release();
    expect(await patient).toBeDefined();
  } finally {
    vi.useRealTimers();
  }
});

test("one that has arrived is late no more, and one whose client is gone does not wait", async () => {
  vi.useFakeTimers();
  try {
    const budget = createBodyBudget({ totalBytes: 1000, patienceMs: 1000 });
    const onLate = vi.fn<() => void>();
    const held = await budget.take(take(700, onLate));
    held?.settle(700);
    const gone = new AbortController();
    const waiting = budget.take(take(700, () => undefined, gone.signal));
    const next = budget.take(take(40));
    await vi.advanceTimersByTimeAsync(500);
    gone.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    expect(await next).toBeDefined();
    expect(onLate).not.toHaveBeenCalled();
  } finally {
    vi.useRealTimers();
  }
});

test("one that waited too long makes room for those behind it", async () => {
  vi.useFakeTimers();
  try {
    const budget = createBodyBudget({ totalBytes: 1000, patienceMs: 1000 });
    await budget.take(take(700));
    const tooLarge = budget.take(take(700));
    await vi.advanceTimersByTimeAsync(500);
    const behind = budget.take(take(40));
    await vi.advanceTimersByTimeAsync(500);
    expect(await tooLarge).toBeUndefined();
    expect(budget.usedBytes).toBe(740);
    expect(await behind).toBeDefined();
  } finally {
    vi.useRealTimers();
  }
});
