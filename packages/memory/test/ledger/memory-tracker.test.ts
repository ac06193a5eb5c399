import { describe, expect, it } from "vitest";
import { createMemoryTracker, type MemoryEvent, type MemoryTracker } from "../../src/index.ts";

const gib = 2 ** 30;
const tag = { model: "llama", purpose: "weights" } as const;

function createRecording(limitBytes = 100): { tracker: MemoryTracker; events: MemoryEvent[] } {
  const events: MemoryEvent[] = [];
  const tracker = createMemoryTracker({
    events: { emit: (...event) => void events.push(event) },
    limits: { cpu: limitBytes },
  });
  return { tracker, events };
}

function pressures(events: readonly MemoryEvent[]): readonly string[] {
  return events.map(([name, payload]) => (name === "memory:alert" ? payload.pressure : name));
}

describe("createMemoryTracker", () => {
  it("adds up planned and measured bytes by device, model and purpose", () => {
    const tracker = createMemoryTracker();
    tracker.plan({ model: "llama", deviceId: "cpu", bytes: { weights: 14 * gib, "kv-cache": 2 * gib } });
    tracker.record(tag, "cpu", 13 * gib);
    tracker.record({ model: "qwen", purpose: "workspace" }, "cuda:0", gib);
    expect(tracker.snapshot()).toEqual({
      plannedBytes: 16 * gib,
      measuredBytes: 14 * gib,
      devices: [
        {
          deviceId: "cpu",
          limitBytes: undefined,
          pressure: "normal",
          plannedBytes: 16 * gib,
          measuredBytes: 13 * gib,
          peakBytes: 13 * gib,
          models: [
            {
              model: "llama",
              plannedBytes: 16 * gib,
              measuredBytes: 13 * gib,
              purposes: [
                { purpose: "weights", plannedBytes: 14 * gib, measuredBytes: 13 * gib, peakBytes: 13 * gib },
                { purpose: "kv-cache", plannedBytes: 2 * gib, measuredBytes: 0, peakBytes: 0 },
              ],
            },
          ],
        },
        {
          deviceId: "cuda:0",
          limitBytes: undefined,
          pressure: "normal",
          plannedBytes: 0,
          measuredBytes: gib,
          peakBytes: gib,
          models: [
            {
              model: "qwen",
              plannedBytes: 0,
              measuredBytes: gib,
              purposes: [{ purpose: "workspace", plannedBytes: 0, measuredBytes: gib, peakBytes: gib }],
            },
          ],
        },
      ],
    });
  });

  it("replaces a plan, and removes it", () => {
    const tracker = createMemoryTracker();
    tracker.plan({ model: "llama", deviceId: "cpu", bytes: { weights: 10, "kv-cache": 5 } });
    tracker.plan({ model: "llama", deviceId: "cpu", bytes: { weights: 7 } });
    tracker.plan({ model: "llama", deviceId: "cuda:0", bytes: { weights: 3 } });
    expect(tracker.snapshot().plannedBytes).toBe(10);
    tracker.unplan("llama", "cpu");
    expect(tracker.snapshot().plannedBytes).toBe(3);
    tracker.unplan("llama");
    expect(tracker.snapshot().plannedBytes).toBe(0);
  });

  it("raises an alert at each watermark and ends it with hysteresis", () => {
    const { tracker, events } = createRecording();
    tracker.record(tag, "cpu", 84);
    expect(events).toEqual([]);
    tracker.record(tag, "cpu", 1);
    tracker.release(tag, "cpu", 4);
    tracker.record(tag, "cpu", 4);
    expect(pressures(events)).toEqual(["high"]);
    tracker.record(tag, "cpu", 10);
    tracker.release(tag, "cpu", 4);
    expect(pressures(events)).toEqual(["high", "critical"]);
    tracker.release(tag, "cpu", 2);
    expect(pressures(events)).toEqual(["high", "critical", "high"]);
    tracker.release(tag, "cpu", 10);
    expect(events.at(-1)).toEqual([
      "memory:alert",
      {
        deviceId: "cpu",
        pressure: "normal",
        previousPressure: "high",
        usedBytes: 79,
        limitBytes: 100,
        watermark: expect.closeTo(0.8),
      },
    ]);
    expect(events).toHaveLength(4);
  });

  it("raises one alert for a rise over both watermarks, and one for the fall", () => {
    const { tracker, events } = createRecording();
    tracker.record(tag, "cpu", 100);
    tracker.release(tag, "cpu", 100);
    expect(pressures(events)).toEqual(["critical", "normal"]);
  });

  it("counts what is beyond the plans, as a share of what they leave", () => {
    const { tracker, events } = createRecording();
    tracker.setLimit("gpu", 1000);
    tracker.plan({ deviceId: "gpu", model: "a", bytes: { weights: 500, "kv-cache": 400 } });
    tracker.record({ model: "a", purpose: "weights" }, "gpu", 500);
    tracker.record({ model: "a", purpose: "kv-cache" }, "gpu", 400);
    expect(tracker.snapshot().devices[1]).toMatchObject({ pressure: "normal", measuredBytes: 900 });
    // 100 are left, of which another account takes 90; then the plan of the first is no more.
    tracker.record({ model: "b", purpose: "workspace" }, "gpu", 90);
    expect(pressures(events)).toEqual(["high"]);
    tracker.release({ model: "b", purpose: "workspace" }, "gpu", 30);
    expect(pressures(events)).toEqual(["high", "normal"]);
    tracker.unplan("a");
    expect(pressures(events)).toEqual(["high", "normal", "critical"]);
    // A plan beyond the limit: what is beyond the plan has no room.
    tracker.plan({ deviceId: "gpu", model: "a", bytes: { weights: 1000, "kv-cache": 400 } });
    expect(tracker.snapshot().devices[1]).toMatchObject({ pressure: "critical" });
    tracker.release({ model: "b", purpose: "workspace" }, "gpu", 60);
    expect(tracker.snapshot().devices[1]).toMatchObject({ pressure: "normal" });
  });

  it("has the pressure of a device in its snapshot", () => {
    const { tracker } = createRecording();
    tracker.record(tag, "cpu", 90);
    expect(tracker.snapshot().devices[0]).toMatchObject({
      pressure: "high",
      limitBytes: 100,
      measuredBytes: 90,
    });
  });

  it("compares the present usage when a limit is set", () => {
    const { tracker, events } = createRecording(1000);
    tracker.record(tag, "cpu", 90);
    tracker.setLimit("cpu", 100);
    expect(pressures(events)).toEqual(["high"]);
  });

  it("stays consistent when the sink throws", () => {
    const tracker = createMemoryTracker({
      limits: { cpu: 10 },
      events: {
        emit() {
          throw new Error("a sink that throws");
        },
      },
    });
    expect(() => tracker.record(tag, "cpu", 9)).toThrow("a sink that throws");
    expect(tracker.snapshot().measuredBytes).toBe(9);
    tracker.release(tag, "cpu", 1);
    expect(tracker.snapshot().measuredBytes).toBe(8);
  });

  it("refuses to release more than was recorded", () => {
    const tracker = createMemoryTracker();
    tracker.record(tag, "cpu", 5);
    expect(() => tracker.release(tag, "cpu", 6)).toThrow(
      "llama/weights on cpu: expected a release of at most 5 B, got 6 B",
    );
    expect(tracker.snapshot().measuredBytes).toBe(5);
  });

  it.each([
    { watermarks: { high: 0.9, critical: 0.8 } },
    { watermarks: { hysteresis: 0.9 } },
    { watermarks: { critical: 1.1 } },
    { limits: { cpu: 0 } },
    { limit: 5 },
  ])("refuses the options %o", (options) => {
    expect(() => createMemoryTracker(options)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  it.each([{ weights: -1 }, { weights: 1.5 }, { wieghts: 1 }])("refuses the plan %o", (bytes) => {
    const tracker = createMemoryTracker();
    expect(() => tracker.plan({ model: "llama", deviceId: "cpu", bytes })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});
