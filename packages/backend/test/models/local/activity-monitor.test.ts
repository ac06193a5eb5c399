import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startActivityMonitor } from "../../../src/models/local/activity-monitor.ts";
import type { ModelStats } from "../../../src/models/model-service.ts";
import { createEventBus } from "../../../src/events/event-bus.ts";
import { createFakeCore } from "../../support/fake-core.ts";

const idle = createFakeCore(createEventBus({ onHandlerError: () => undefined })).stats();
const statsWith = (parts: Partial<ModelStats>): ModelStats => ({ ...idle, ...parts });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp() {
  const onTick = vi.fn<() => void>();
  const monitor = startActivityMonitor({ clock: performance, tickMs: 100, onTick });
  const read = (): readonly number[] =>
    [monitor.elapsedMs(), monitor.silentMs(), monitor.stalledMs()].map(Math.round);
  return { monitor, onTick, read };
}

test("counts from the start, from the last message and from the last progress", () => {
  const { monitor, read } = setUp();
  vi.advanceTimersByTime(1010);
  expect(read()).toEqual([1010, 1010, 1010]);
  const work = { runningSequenceCount: 1, stepCount: 3 };
  monitor.record(statsWith(work));
  expect(read()).toEqual([1010, 0, 0]);
  vi.advanceTimersByTime(1000);
  // The same step again: a message, and no progress.
  monitor.record(statsWith(work));
  expect(read()).toEqual([2010, 0, 1000]);
});

test.each([
  ["a new step", { runningSequenceCount: 1, stepCount: 4 }],
  ["a tokenized prompt", { runningSequenceCount: 1, stepCount: 3, preparedPromptCount: 1 }],
  ["nothing to do", { stepCount: 3 }],
])("%s is progress", (_, parts) => {
  const { monitor, read } = setUp();
  monitor.record(statsWith({ runningSequenceCount: 1, stepCount: 3 }));
  vi.advanceTimersByTime(500);
  monitor.record(statsWith(parts));
  expect(read()).toEqual([500, 0, 0]);
});

test.each([{ runningSequenceCount: 1 }, { waitingRequestCount: 1 }])(
  "%o is work that a step is expected for",
  (work) => {
    const { monitor, read } = setUp();
    monitor.record(statsWith(work));
    vi.advanceTimersByTime(500);
    monitor.record(statsWith(work));
    expect(read()).toEqual([500, 0, 500]);
  },
);

test("a message without numbers is progress, and forgets none", () => {
  const { monitor, read } = setUp();
  monitor.record(statsWith({ runningSequenceCount: 1, stepCount: 3 }));
  vi.advanceTimersByTime(300);
  monitor.record();
  expect(read()).toEqual([300, 0, 0]);
  vi.advanceTimersByTime(300);
  monitor.record(statsWith({ runningSequenceCount: 1, stepCount: 3 }));
  expect(read()).toEqual([600, 0, 300]);
});

test("ticks until it is stopped", () => {
  const { monitor, onTick } = setUp();
  vi.advanceTimersByTime(350);
  expect(onTick).toHaveBeenCalledTimes(3);
  monitor.stop();
  vi.advanceTimersByTime(1000);
  expect(onTick).toHaveBeenCalledTimes(3);
});

test("does not count time in which this process did not run", () => {
  let nowMs = 0;
  const monitor = startActivityMonitor({ clock: { now: () => nowMs }, tickMs: 100, onTick: () => undefined });
  // The machine sleeps for an hour: one tick comes late.
  nowMs = 3_600_000;
  expect(monitor.elapsedMs()).toBe(200);
  vi.advanceTimersByTime(100);
  expect([monitor.elapsedMs(), monitor.silentMs(), monitor.stalledMs()]).toEqual([200, 200, 200]);
  nowMs += 50;
  expect(monitor.elapsedMs()).toBe(250);
  monitor.stop();
});
