import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startWatchdog, type Watchdog } from "../../../src/models/local/activity-monitor.ts";

const open: Watchdog[] = [];
afterEach(() => {
  for (const watchdog of open.splice(0)) watchdog.stop();
});

function watch(limitMs: number): { readonly watchdog: Watchdog; readonly onExpired: () => void } {
  const onExpired = vi.fn<() => void>();
  const watchdog = startWatchdog(limitMs, onExpired);
  open.push(watchdog);
  return { watchdog, onExpired };
}

describe("a watchdog", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("expires once, after the limit without a sign of life and at most a tenth later", () => {
    const { onExpired } = watch(100);
    vi.advanceTimersByTime(100);
    expect(onExpired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10);
    expect(onExpired).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1000);
    expect(onExpired).toHaveBeenCalledTimes(1);
  });

  test("begins anew when it is fed", () => {
    const { watchdog, onExpired } = watch(100);
    for (let count = 0; count < 10; count += 1) {
      vi.advanceTimersByTime(90);
      watchdog.feed();
    }
    vi.advanceTimersByTime(100);
    expect(onExpired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10);
    expect(onExpired).toHaveBeenCalledTimes(1);
  });

  test("does not expire after it was stopped", () => {
    const { watchdog, onExpired } = watch(100);
    watchdog.stop();
    vi.advanceTimersByTime(1000);
    expect(onExpired).not.toHaveBeenCalled();
  });
});

test("does not count time in which this process did not run", async () => {
  const { onExpired } = watch(100);
  // As a machine that sleeps, or SIGSTOP: a timer that is late for several times is called once.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((resolve) => setImmediate(resolve));
  expect(onExpired).not.toHaveBeenCalled();
  await expect.poll(() => onExpired).toHaveBeenCalledTimes(1);
});
