import { expect, test } from "vitest";
import {
  expandIteration,
  mapIteration,
  Several,
  type IterationMap,
} from "../../src/iteration/map-iteration.ts";

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

test("maps of maps end in order: by the source, and by a last value", async () => {
  const ends: string[] = [];
  const stage = (name: string, steps: Partial<IterationMap<string, string>> = {}) => ({
    map: (value: string) => (value === "2" ? undefined : `${name}${value}`),
    onDone: () => ends.push(`${name} done`),
    onEnd: () => ends.push(`${name} ended`),
    ...steps,
  });
  const { seen, mapped } = countTo(4);
  expect(await readAll(mapIteration(mapIteration(mapped(), stage("a")), stage("b")))).toEqual(
    ["1", "3", "4"].map((value) => `ba${value}`),
  );
  expect(ends.splice(0)).toEqual(["a done", "b done", "a ended", "b ended"]);
  expect(seen).toEqual({ read: 4, returned: 1, ended: 1 });

  const inner = mapIteration(countTo(4).mapped(), stage("a", { isLast: (value) => value === "3" }));
  expect(await readAll(mapIteration(inner, stage("b")))).toEqual(["ba1", "ba3"]);
  expect(ends).toEqual(["b done", "a ended", "b ended"]);
});

test("maps what is left of a map that was read", async () => {
  const inner = countTo(3).mapped();
  expect(await inner.next()).toEqual({ value: "1", done: false });
  expect(await readAll(mapIteration(inner, { map: (value) => `#${value}` }))).toEqual(["#2", "#3"]);
});

test("several values in place of one come before the next one, and others after the last", async () => {
  const log: string[] = [];
  async function* twice(value: string): AsyncGenerator<string> {
    yield `${value}a`;
    yield `${value}b`;
    log.push(`left ${value}`);
  }
  async function* rest(): AsyncGenerator<string> {
    yield "rest";
  }
  const map = (value: string) =>
    value === "3"
      ? undefined
      : value === "1"
        ? value
        : value === "4"
          ? new Several(["c"].values())
          : new Several(twice(value));
  const { seen, mapped } = countTo(4);
  const onEnd = () => log.push("ended");
  expect(await readAll(expandIteration(mapped(), { map, rest, onEnd }))).toEqual([
    "1",
    "2a",
    "2b",
    "c",
    "rest",
  ]);
  expect(log).toEqual(["left 2", "ended"]);
  expect(seen).toEqual({ read: 4, returned: 1, ended: 1 });
});

test("a reader that leaves among several values closes them and the source", async () => {
  const closed: string[] = [];
  async function* many(): AsyncGenerator<string> {
    try {
      for (;;) yield "x";
    } finally {
      closed.push("several");
    }
  }
  const { seen, mapped } = countTo(3);
  const iteration = expandIteration(mapped(), { map: () => new Several(many()), rest: many });
  for await (const _ of iteration) break;
  expect(closed).toEqual(["several"]);
  expect(seen).toEqual({ read: 1, returned: 1, ended: 1 });
  expect(await iteration.next()).toEqual({ value: undefined, done: true });
});

test.each(["several", "rest"])("rejects once where %s fail", async (place) => {
  async function* failing(): AsyncGenerator<string> {
    yield "x";
    throw new Error("no");
  }
  const { seen, mapped } = countTo(1);
  const iteration = expandIteration<string, string>(mapped(), {
    map: (value) => (place === "several" ? new Several(failing()) : value),
    rest: place === "rest" ? failing : undefined,
  });
  await expect(readAll(iteration)).rejects.toThrow("no");
  expect(await iteration.next()).toEqual({ value: undefined, done: true });
  expect(seen).toEqual({ read: 1, returned: 1, ended: 1 });
});
