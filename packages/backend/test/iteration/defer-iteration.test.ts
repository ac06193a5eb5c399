import { expect, test } from "vitest";
import { deferIteration } from "../../src/iteration/defer-iteration.ts";

function countTo(count: number) {
  const seen = { opened: 0, returned: 0 };
  async function* values(): AsyncGenerator<number> {
    try {
      for (let value = 1; value <= count; value += 1) yield value;
    } finally {
      seen.returned += 1;
    }
  }
  const iteration = deferIteration(() => {
    seen.opened += 1;
    return values();
  });
  return { seen, iteration };
}

test("opens once, at the first value", async () => {
  const { seen, iteration } = countTo(3);
  expect(seen.opened).toBe(0);
  const values: number[] = [];
  for await (const value of iteration) values.push(value);
  expect(values).toEqual([1, 2, 3]);
  expect(seen).toEqual({ opened: 1, returned: 1 });
});

test("closes what it opened when the reader leaves", async () => {
  const { seen, iteration } = countTo(3);
  for await (const _ of iteration) break;
  expect(seen).toEqual({ opened: 1, returned: 1 });
  expect(await iteration.next()).toEqual({ value: undefined, done: true });
});

test("opens nothing for a reader that leaves first", async () => {
  const { seen, iteration } = countTo(3);
  await iteration.return?.();
  expect(await iteration.next()).toEqual({ value: undefined, done: true });
  expect(seen.opened).toBe(0);
});

test("rejects once with what opening throws", async () => {
  let opened = 0;
  const iteration = deferIteration(() => {
    opened += 1;
    throw new Error("not ready");
  });
  await expect(iteration.next()).rejects.toThrow("not ready");
  expect(await iteration.next()).toEqual({ value: undefined, done: true });
  expect(opened).toBe(1);
});
