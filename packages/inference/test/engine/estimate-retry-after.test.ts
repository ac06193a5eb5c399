import { describe, expect, it } from "vitest";
import { estimateRetryAfterMs } from "../../src/engine/estimate-retry-after.ts";
import { createEngineFixture } from "../support/engine-fixture.ts";

const idle = { waitingCount: 0, runningCount: 0, meanServiceMs: undefined, sinceFinishMs: 0 };

describe("estimateRetryAfterMs", () => {
  it("is the queue's time at the recent rate", () => {
    const speed = { ...idle, runningCount: 4, meanServiceMs: 2000 };
    expect(estimateRetryAfterMs({ ...speed, waitingCount: 7 })).toBe(4000);
    expect(estimateRetryAfterMs({ ...speed, waitingCount: 15 })).toBe(8000);
    expect(estimateRetryAfterMs({ ...speed, waitingCount: 15, runningCount: 2 })).toBe(16_000);
  });

  it("grows while nothing ends, before a first request has and after short ones", () => {
    const speed = { ...idle, waitingCount: 3, runningCount: 2, sinceFinishMs: 5000 };
    expect(estimateRetryAfterMs(speed)).toBe(10_000);
    expect(estimateRetryAfterMs({ ...speed, meanServiceMs: 100 })).toBe(10_000);
    expect(estimateRetryAfterMs({ ...speed, meanServiceMs: 8000 })).toBe(16_000);
  });

  it("stays between one second and sixty", () => {
    expect(estimateRetryAfterMs(idle)).toBe(1000);
    expect(estimateRetryAfterMs({ ...idle, runningCount: 16, meanServiceMs: 3 })).toBe(1000);
    expect(estimateRetryAfterMs({ ...idle, waitingCount: 256, runningCount: 1, meanServiceMs: 9000 })).toBe(
      60_000,
    );
    expect(estimateRetryAfterMs({ ...idle, waitingCount: 1, meanServiceMs: 1999.2 })).toBe(3999);
  });
});

describe("an engine whose queue is full", () => {
  it("estimates by how long requests took", async () => {
    let nowMs = 0;
    const { engine } = createEngineFixture(
      { maxSequences: 1, onForward: () => void (nowMs += 2000) },
      { limits: { maxQueuedRequests: 3 }, clock: { now: () => nowMs } },
    );
    const request = { promptTokenIds: [1, 2], stopping: { maxTokens: 3, ignoreEos: true } };
    await engine.generate(request).result();
    // A request takes three steps of two seconds; four wait, and the refused one would be next.
    const streams = [1, 2, 3, 4].map(() => engine.generate(request));
    expect(() => engine.generate(request)).toThrow(
      expect.objectContaining({ code: "QUEUE_FULL", retryAfterMs: 30_000 }),
    );
    await Promise.all(streams.map((stream) => stream.result()));
  });
});
