import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { AsyncQueue } from "../../src/iteration/async-queue.ts";

function createQueue(): { readonly queue: AsyncQueue<number>; readonly cancels: () => number } {
  let cancelCount = 0;
  const queue = new AsyncQueue<number>(() => (cancelCount += 1));
  return { queue, cancels: () => cancelCount };
}

test("gives out what was pushed before and after the reader came", async () => {
  const { queue, cancels } = createQueue();
  queue.push(1);
  queue.push(2);
  const read: number[] = [];
  const reading = (async () => {
    for await (const value of queue) read.push(value);
  })();
  queue.push(3);
  queue.complete();
  queue.push(4);
  await reading;
  expect(read).toEqual([1, 2, 3]);
  expect(cancels()).toBe(0);
});

test("rejects after what was pushed before the failure", async () => {
  const { queue } = createQueue();
  queue.push(1);
  queue.fail(new Error("lost"));
  expect(await queue.next()).toEqual({ value: 1, done: false });
  await expect(queue.next()).rejects.toThrow("lost");
  expect(await queue.next()).toEqual({ value: undefined, done: true });
});

test("tells when the reader leaves before the end, once", async () => {
  const { queue, cancels } = createQueue();
  queue.push(1);
  for await (const _ of queue) break;
  await queue.return();
  expect(cancels()).toBe(1);
});

test("does not tell when the reader leaves after the end was pushed", async () => {
  const { queue, cancels } = createQueue();
  queue.push(1);
  queue.complete();
  for await (const _ of queue) break;
  expect(cancels()).toBe(0);
});

test("rejects a waiting reader at once when cancelled, and drops what was not read", async () => {
  const { queue, cancels } = createQueue();
  const waiting = queue.next();
  queue.cancel(new Error("gone"));
  await expect(waiting).rejects.toThrow("gone");
  expect(cancels()).toBe(1);
  const other = createQueue();
  other.queue.push(1);
  other.queue.cancel(new Error("gone"));
  await expect(other.queue.next()).rejects.toThrow("gone");
});

test("says when its reader is behind, and when it has caught up", async () => {
  const said: string[] = [];
  const queue = new AsyncQueue<number>(() => {}, {
    weigh: (value) => value,
    high: 10,
    low: 3,
    onFull: () => said.push("full"),
    onRoom: () => said.push("room"),
  });
  const first = queue.next();
  queue.push(100);
  await first;
  expect(said).toEqual([]);
  for (const value of [5, 5, 1, 5]) queue.push(value);
  expect(said).toEqual(["full"]);
  for (let read = 0; read < 3; read += 1) await queue.next();
  expect(said).toEqual(["full"]);
  await queue.next();
  expect(said).toEqual(["full", "room"]);
  for (const value of [6, 6]) queue.push(value);
  expect(said).toEqual(["full", "room", "full"]);
});

test("is cancelled by a signal, with its reason", async () => {
  const { queue, cancels } = createQueue();
  const controller = new AbortController();
  queue.cancelWith(controller.signal);
  queue.push(1);
  controller.abort(new Error("gone"));
  await expect(queue.next()).rejects.toThrow("gone");
  expect(cancels()).toBe(1);
});

test.each<[string, (queue: AsyncQueue<number>) => unknown]>([
  ["completed", (queue) => queue.complete()],
  ["failed", (queue) => queue.fail(new Error("lost"))],
  ["left", (queue) => queue.return()],
])("lets a signal go when it has %s", (_, end) => {
  const { queue } = createQueue();
  const controller = new AbortController();
  queue.cancelWith(controller.signal);
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
  end(queue);
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
});
