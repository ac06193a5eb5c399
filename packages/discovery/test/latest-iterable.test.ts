import { expect, test } from "vitest";
import { iterateLatest, type LatestSource } from "../src/latest-iterable.ts";

function createSource(): LatestSource<number> & {
  set(value: number): void;
  end(): void;
  readonly subscriberCount: number;
} {
  const listeners = new Set<{ changed(): void; ended(): void }>();
  let current = 0;
  return {
    read: () => current,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    set(value) {
      current = value;
      for (const listener of listeners) listener.changed();
    },
    end() {
      for (const listener of listeners) listener.ended();
    },
    get subscriberCount() {
      return listeners.size;
    },
  };
}

test("subscribes at the first next and unsubscribes when the loop exits", async () => {
  const source = createSource();
  const iterable = iterateLatest(source);
  expect(source.subscriberCount).toBe(0);
  for await (const value of iterable) {
    expect(value).toBe(0);
    expect(source.subscriberCount).toBe(1);
    break;
  }
  expect(source.subscriberCount).toBe(0);
});

test("resolves several pending nexts with one change each, then with the end", async () => {
  const source = createSource();
  const iterator = iterateLatest(source)[Symbol.asyncIterator]();
  await iterator.next();
  const waiting = [iterator.next(), iterator.next(), iterator.next()];
  source.set(1);
  source.set(2);
  source.end();
  expect(await Promise.all(waiting)).toEqual([
    { done: false, value: 1 },
    { done: false, value: 2 },
    { done: true, value: undefined },
  ]);
  expect(source.subscriberCount).toBe(0);
});

test("return ends a pending next", async () => {
  const source = createSource();
  const iterator = iterateLatest(source)[Symbol.asyncIterator]();
  await iterator.next();
  const waiting = iterator.next();
  await iterator.return?.();
  expect((await waiting).done).toBe(true);
  expect((await iterator.next()).done).toBe(true);
});

test("unsubscribes from its signal and its source once aborted", async () => {
  const source = createSource();
  const controller = new AbortController();
  const iterator = iterateLatest(source, controller.signal)[Symbol.asyncIterator]();
  await iterator.next();
  controller.abort();
  expect(source.subscriberCount).toBe(0);
  source.set(5);
  expect((await iterator.next()).done).toBe(true);
});
