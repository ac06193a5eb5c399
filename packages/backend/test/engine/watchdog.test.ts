import { afterEach, expect, test } from "vitest";
import { createResolvers } from "../../src/engine/async-queue.ts";
import { startWatchdog, type Watchdog } from "../../src/engine/watchdog.ts";

const open: Watchdog[] = [];
afterEach(() => {
  for (const watchdog of open.splice(0)) watchdog.stop();
});

function watch(limitMs: number): Watchdog & { readonly expired: Promise<void>; hasExpired: boolean } {
  const { promise, resolve } = createResolvers<void>();
  const watchdog = startWatchdog(limitMs, () => {
    watched.hasExpired = true;
    resolve();
  });
  const watched = { ...watchdog, expired: promise, hasExpired: false };
  open.push(watchdog);
  return watched;
}

test("expires once the limit has passed without a sign of life, and not before", async () => {
  const early = watch(50);
  const late = watch(100);
  await early.expired;
  expect(late.hasExpired).toBe(false);
  await late.expired;
});

test("does not expire while it is fed", async () => {
  const fed = watch(60);
  const feeding = setInterval(() => fed.feed(), 1);
  await watch(180).expired;
  clearInterval(feeding);
  expect(fed.hasExpired).toBe(false);
  await fed.expired;
});

test("does not count time in which this process did not run", async () => {
  const watched = watch(100);
  // As a machine that sleeps, or SIGSTOP: a timer that is late for several times is called once.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((resolve) => setImmediate(resolve));
  expect(watched.hasExpired).toBe(false);
  await watched.expired;
});
