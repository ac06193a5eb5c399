import { expect, test } from "vitest";
import { AsyncQueue } from "../../src/engine/async-queue.ts";

function createQueue(): { readonly queue: AsyncQueue<number>; readonly cancels: () => number } {
  let cancelCount = 0;
  const queue = new AsyncQueue<number>(() => cancelCount++);
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
