import { expect, test } from "vitest";
import { mapIteration, type IterationMap } from "../../src/models/map-iteration.ts";

/** Counts to a number, and then ends or fails. */
function countTo(count: number, failure?: Error) {
  const seen = { read: 0, returned: 0, ended: 0 };
  async function* values(): AsyncGenerator<number> {
    try {
      for (let value = 1; value <= count; value += 1) {
        seen.read = value;
        yield value;
      }
      if (failure !== undefined) throw failure;
    } finally {
      seen.returned += 1;
    }
  }
  const mapped = (steps: Partial<IterationMap<number, string>> = {}) =>
    mapIteration(values(), { map: String, onEnd: () => (seen.ended += 1), ...steps });
  return { seen, mapped };
}

async function readAll(values: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const value of values) all.push(value);
  return all;
}

test("passes on what is made of each value, and leaves out what nothing is made of", async () => {
  const { seen, mapped } = countTo(5);
  const map = (value: number) => (value % 2 === 0 ? undefined : `#${value}`);
  expect(await readAll(mapped({ map }))).toEqual(["#1", "#3", "#5"]);
  expect(seen).toEqual({ read: 5, returned: 1, ended: 1 });
});

test("reads nothing behind the last value, which is passed on", async () => {
  const { seen, mapped } = countTo(5);
  expect(await readAll(mapped({ isLast: (value) => value === 2 }))).toEqual(["1", "2"]);
  expect(seen).toEqual({ read: 2, returned: 1, ended: 1 });
});

test("closes the source when the reader leaves", async () => {
  const { seen, mapped } = countTo(5);
  const iteration = mapped();
  for await (const _ of iteration) break;
  expect(seen).toEqual({ read: 1, returned: 1, ended: 1 });
  expect(await iteration.next()).toEqual({ value: undefined, done: true });
});

test.each<[string, Error | undefined, Partial<IterationMap<number, string>>]>([
  ["the source fails", new Error("no"), {}],
  [
    "a value cannot be mapped",
    undefined,
    {
      map: () => {
        throw new Error("no");
      },
    },
  ],
  [
    "it must not have ended yet",
    undefined,
    {
      onDone: () => {
        throw new Error("no");
      },
    },
  ],
])("rejects once where %s", async (_name, failure, steps) => {
  const { seen, mapped } = countTo(1, failure);
  const iteration = mapped(steps);
  await expect(readAll(iteration)).rejects.toThrow("no");
  expect(await iteration.next()).toEqual({ value: undefined, done: true });
  expect(seen).toEqual({ read: 1, returned: 1, ended: 1 });
});
