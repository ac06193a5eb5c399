import { expect, test } from "vitest";
import type { PromptPurpose } from "../../../src/operations/prompt.ts";
import { createPromptQueue } from "../../../src/models/prompts/prompt-queue.ts";

interface Item {
  readonly name: string;
  readonly purpose: PromptPurpose;
  readonly characters: number;
}

const limits = { requests: 100, characters: 1_000_000_000 };

function setUp() {
  let nowMs = 0;
  const queue = createPromptQueue<Item>({ now: () => nowMs });
  return {
    queue,
    at: (atMs: number) => (nowMs = atMs),
    add: (name: string, characters: number, purpose: PromptPurpose = "generation"): Item => {
      const item = { name, purpose, characters };
      queue.add(item, limits);
      return item;
    },
    order: (): readonly string[] => {
      const names: string[] = [];
      for (let item = queue.take(() => true); item !== undefined; item = queue.take(() => true)) {
        names.push(item.name);
      }
      return names;
    },
  };
}

test("a small prompt goes before a flood of long ones, and equals in the order in which they came", () => {
  const { add, order } = setUp();
  for (let index = 0; index < 3; index += 1) add(`long-${index}`, 1_000_000);
  add("small-0", 100);
  add("small-1", 100);
  expect(order()).toEqual(["small-0", "small-1", "long-0", "long-1", "long-2"]);
});

test("an answer's prompt goes before calls that only tokenize", () => {
  const { add, order } = setUp();
  for (let index = 0; index < 3; index += 1) add(`look-${index}`, 100, "inspection");
  add("answer", 20_000);
  expect(order()).toEqual(["answer", "look-0", "look-1", "look-2"]);
});

test("nothing waits for ever: what came long before goes first", () => {
  const { add, at, order } = setUp();
  add("long", 1_000_000);
  at(60_000);
  add("small", 100);
  expect(order()).toEqual(["long", "small"]);
});

test("calls that only tokenize have a fifth of the time, however long they have waited", () => {
  const { queue, add, at } = setUp();
  for (let index = 0; index < 20; index += 1) add("look", 100, "inspection");
  at(60_000);
  for (let index = 0; index < 20; index += 1) add("answer", 100);
  const names: string[] = [];
  for (let index = 0; index < 20; index += 1) {
    const item = queue.take(() => true)!;
    names.push(item.name);
    queue.spend(item.purpose, 1000);
    queue.leave(item, 1000);
  }
  expect(names.filter((name) => name === "look")).toHaveLength(4);
  expect(names.slice(0, 5)).toEqual(["answer", "look", "answer", "answer", "answer"]);
});

test("a purpose is owed no time that it did not need", () => {
  const { queue, add, order } = setUp();
  for (let index = 0; index < 10; index += 1) {
    const item = add("answer", 100);
    queue.take(() => true);
    queue.spend(item.purpose, 1000);
    queue.leave(item, 1000);
  }
  add("look-0", 100, "inspection");
  add("look-1", 100, "inspection");
  add("answer", 100);
  expect(order()).toEqual(["answer", "look-0", "look-1"]);
});

test("takes only what fits", () => {
  const { queue, add } = setUp();
  add("small", 10);
  add("long", 100_000);
  expect(queue.take(({ characters }) => characters > 1000)?.name).toBe("long");
  expect(queue.take(({ characters }) => characters > 1000)).toBeUndefined();
  expect(queue.size).toBe(1);
});

test("is bounded by count and by characters, each purpose for itself, until an item leaves", () => {
  const { queue } = setUp();
  const narrow = { requests: 2, characters: 100 };
  const item = (purpose: PromptPurpose, characters: number): Item => ({ name: "x", purpose, characters });
  const first = item("inspection", 90);
  queue.add(first, narrow);
  expect(() => queue.add(item("inspection", 20), narrow)).toThrow(
    expect.objectContaining({
      code: "QUEUE_FULL",
      data: { resource: "characters", limit: 100, requested: 110, retryAfterMs: 1000 },
    }),
  );
  queue.add(item("inspection", 1), narrow);
  expect(() => queue.add(item("inspection", 1), narrow)).toThrow(
    expect.objectContaining({
      data: expect.objectContaining({ resource: "requests", limit: 2, requested: 3 }),
    }),
  );
  queue.add(item("generation", 1), narrow);
  queue.leave(first);
  queue.add(item("inspection", 1), narrow);
  expect([queue.openCount("inspection"), queue.openCount("generation"), queue.openCharacters]).toEqual([
    2, 1, 3,
  ]);
  expect(queue.finishedCount).toBe(1);
});

test("a prompt larger than the bound is taken when it is alone", () => {
  const { queue } = setUp();
  queue.add({ name: "x", purpose: "generation", characters: 1000 }, { requests: 2, characters: 100 });
  expect(queue.size).toBe(1);
});

test("says to come back when what is open will have been done, at the speed of late", () => {
  const { queue } = setUp();
  const narrow = { requests: 1, characters: 100_000_000 };
  for (let index = 0; index < 30; index += 1) {
    const done = { name: "x", purpose: "generation", characters: 1000 } as const;
    queue.add(done, limits);
    queue.take(() => true);
    queue.leave(done, 100);
  }
  queue.add({ name: "x", purpose: "generation", characters: 50_000 }, limits);
  let retryAfterMs = 0;
  try {
    queue.add({ name: "y", purpose: "generation", characters: 1 }, narrow);
  } catch (error) {
    ({ retryAfterMs } = (error as { readonly data: { readonly retryAfterMs: number } }).data);
  }
  expect(retryAfterMs).toBeGreaterThan(4900);
  expect(retryAfterMs).toBeLessThan(5100);
});

test.each([
  [0, 1000],
  [7000, 7000],
  [90_000, 60_000],
])(
  "says to come back in no less than its limits say (%i ms), within a second and a minute",
  (minRetryMs, retryAfterMs) => {
    const { queue } = setUp();
    const item = { name: "x", purpose: "generation", characters: 1 } as const;
    queue.add(item, limits);
    expect(() => queue.add({ ...item }, { requests: 1, characters: 100, minRetryMs })).toThrow(
      expect.objectContaining({ data: expect.objectContaining({ retryAfterMs }) }),
    );
  },
);

test("large prompts leave room for small ones, whoever was first", () => {
  const { queue } = setUp();
  const narrow = { requests: 100, characters: 1600 };
  const item = (characters: number): Item => ({ name: "x", purpose: "generation", characters });
  // Alone it is taken, though it is more than all that may wait.
  queue.add(item(1_000_000), narrow);
  const small = Array.from({ length: 4 }, () => item(100));
  for (const each of small) queue.add(each, narrow);
  const full = expect.objectContaining({ code: "QUEUE_FULL" });
  expect(() => queue.add(item(100), narrow)).toThrow(full);
  expect(() => queue.add(item(101), narrow)).toThrow(full);
  for (const each of small) queue.leave(each);
  expect(() => queue.add(item(101), narrow)).toThrow(full);
  queue.add(item(100), narrow);
});
