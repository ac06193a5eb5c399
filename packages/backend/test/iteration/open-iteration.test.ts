import { expect, test } from "vitest";
import { openIteration } from "../../src/iteration/open-iteration.ts";

/** Values, and whether their iterator was closed. */
function openedValues(values: readonly [number, ...number[]]) {
  const seen = { opened: 0, returned: 0 };
  async function* others(): AsyncGenerator<number> {
    yield* values.slice(1);
  }
  const rest = others();
  const close = rest.return.bind(rest);
  rest.return = async (value) => {
    seen.returned += 1;
    return close(value);
  };
  const iteration = openIteration(async () => {
    seen.opened += 1;
    return { first: values[0], rest };
  });
  return { seen, iteration };
}

test("opens at the first read, and passes on the first value and the others", async () => {
  const { seen, iteration } = openedValues([1, 2, 3]);
  expect(seen.opened).toBe(0);
  const all: number[] = [];
  for await (const value of iteration) all.push(value);
  expect(all).toEqual([1, 2, 3]);
  expect(seen.opened).toBe(1);
});

test("a reader that leaves closes the others, of which none was read yet", async () => {
  const { seen, iteration } = openedValues([1, 2, 3]);
  for await (const _ of iteration) break;
  expect(seen).toEqual({ opened: 1, returned: 1 });
  expect(await iteration.next()).toEqual({ value: undefined, done: true });
});

test("one that leaves before the first read opens nothing", async () => {
  const { seen, iteration } = openedValues([1]);
  await iteration.return?.();
  expect(await iteration.next()).toEqual({ value: undefined, done: true });
  expect(seen).toEqual({ opened: 0, returned: 0 });
});

test("rejects once where it cannot be opened", async () => {
  const iteration = openIteration<number>(async () => {
    throw new Error("no");
  });
  await expect(iteration.next()).rejects.toThrow("no");
  expect(await iteration.next()).toEqual({ value: undefined, done: true });
});
