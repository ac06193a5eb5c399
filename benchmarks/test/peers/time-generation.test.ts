import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { timeGeneration } from "../../peers/harness/time-generation.ts";
import type { GenerationTimes, Peer } from "../../peers/harness/peer.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

/** Times a peer that has a token every 10 ms, for the streams in this order. */
function time(order: readonly number[], tokenCount: number): Promise<GenerationTimes> {
  const peer: Peer = {
    description: "",
    generate: async (_prompts, _tokenCount, onToken) => {
      for (const [tokenId, stream] of order.entries()) {
        vi.advanceTimersByTime(10);
        onToken(stream, tokenId);
      }
    },
    rank: async () => [],
    dispose: async () => {},
  };
  return timeGeneration(
    peer,
    [...new Set(order)].map((stream) => [stream]),
    tokenCount,
  );
}

const inTurns = Array.from({ length: 20 }, (_, at) => at % 2);

test("counts what comes while all streams decode", async () => {
  const { firstTokensMs, decodeTokensPerSecond, tokenIds } = await time([0, 0, 0, ...inTurns, 1, 1, 1], 13);
  expect(firstTokensMs).toBe(50);
  expect(decodeTokensPerSecond).toBeCloseTo(100);
  expect(tokenIds[0]).toEqual([0, 1, 2, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21]);
});

test("has no rate for a single token", async () => {
  expect(await time([0, 1], 1)).toEqual({ firstTokensMs: 20, tokenIds: [[0], [1]] });
});

test("refuses streams that do not decode together", async () => {
  await expect(time([...Array<number>(10).fill(0), ...Array<number>(10).fill(1)], 10)).rejects.toThrow(
    "the streams decode together for 0 tokens only",
  );
});

test("refuses an answer of another length", async () => {
  await expect(time([0, 0, 0], 4)).rejects.toThrow("expected 4 tokens, got 3");
});
