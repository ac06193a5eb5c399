import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { createEngineFixture } from "../support/engine-fixture.ts";

const plainRequest = { promptTokenIds: [1, 2], stopping: { maxTokens: 4, ignoreEos: true } };

describe("GenerationStream", () => {
  it("serves calls of next() that do not wait for each other, in order", async () => {
    const { engine } = createEngineFixture();
    const iterator = engine.generate(plainRequest)[Symbol.asyncIterator]();
    const results = await Promise.all(Array.from({ length: 6 }, () => iterator.next()));
    expect(results.map((result) => result.done)).toEqual([false, false, false, false, true, true]);
    expect(results[3]?.value).toMatchObject({ finishReason: "length" });
  });

  it("delivers deltas of every answer", async () => {
    const { engine } = createEngineFixture();
    const tokenCounts = [0, 0, 0];
    const stream = engine.generate({ ...plainRequest, n: 3 });
    for await (const delta of stream) tokenCounts[delta.index]! += delta.tokenIds.length;
    expect(tokenCounts).toEqual([4, 4, 4]);
  });

  it("gathers tokens for a delta where it may, but for the first and the last one", async () => {
    const { engine } = createEngineFixture({}, { limits: { streamIntervalTokens: 4 } });
    const request = { promptTokenIds: [1, 2], stopping: { maxTokens: 11, ignoreEos: true } };
    const lengths: number[] = [];
    let text = "";
    for await (const delta of engine.generate(request)) {
      lengths.push(delta.tokenIds.length);
      text += delta.text;
    }
    expect(lengths).toEqual([1, 4, 4, 2]);
    const { choices } = await createEngineFixture()
      .engine.generate({ ...request })
      .result();
    expect(text).toBe(choices[0]?.text);
  });

  it("delivers what it has gathered before a failure", async () => {
    let stepCount = 0;
    const onForward = (): void => {
      stepCount += 1;
      if (stepCount === 4) throw new Error("no");
    };
    const { engine } = createEngineFixture({ onForward }, { limits: { streamIntervalTokens: 8 } });
    let tokenCount = 0;
    const read = async (): Promise<void> => {
      for await (const { tokenIds } of engine.generate(plainRequest)) tokenCount += tokenIds.length;
    };
    await expect(read()).rejects.toThrow("no");
    expect(tokenCount).toBe(3);
  });

  it("ends a next() that waits when the loop is left from outside", async () => {
    const { engine } = createEngineFixture();
    const stream = engine.generate(plainRequest);
    const iterator = stream[Symbol.asyncIterator]();
    const waiting = iterator.next();
    await iterator.return?.();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await engine.drain();
  });

  it("rejects with the reason of cancel()", async () => {
    const { engine, events } = createEngineFixture();
    const stream = engine.generate(plainRequest);
    stream.cancel("enough");
    stream.cancel("again");
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toBe("enough");
    await expect(stream.result()).rejects.toBe("enough");
    expect(events.filter(([name]) => name === "inference:request-finished")).toHaveLength(1);
  });

  it("drops unread tokens when it is cancelled", async () => {
    let stepCount = 0;
    const { engine } = createEngineFixture({
      onForward: () => {
        stepCount += 1;
        if (stepCount === 3) stream.cancel("enough");
      },
    });
    const stream = engine.generate(plainRequest);
    await engine.drain();
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toBe("enough");
  });

  it("stops listening to the signal at the end", async () => {
    const { engine } = createEngineFixture();
    const { signal } = new AbortController();
    const stream = engine.generate({ ...plainRequest, signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await stream.result();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("causes no unhandled rejection when nobody awaits it", async () => {
    const seen: unknown[] = [];
    const onRejection = (reason: unknown): void => void seen.push(reason);
    process.on("unhandledRejection", onRejection);
    try {
      const { engine } = createEngineFixture({
        onForward: () => {
          throw new Error("device lost");
        },
      });
      engine.generate(plainRequest);
      void engine.generate(plainRequest).result();
      engine.generate(plainRequest).cancel();
      await engine.drain();
      await new Promise((resolve) => setImmediate(resolve));
      expect(seen).toEqual([]);
    } finally {
      process.off("unhandledRejection", onRejection);
    }
  });

  it("keeps the whole text when it is read late", async () => {
    const { engine } = createEngineFixture();
    const stream = engine.generate({ ...plainRequest, logprobs: 1 });
    const { choices } = await stream.result();
    const deltas = [];
    for await (const delta of stream) deltas.push(delta);
    expect(deltas).toHaveLength(1);
    expect(deltas[0]?.logprobs).toEqual(choices[0]?.logprobs);
    expect(deltas[0]?.text).toBe(choices[0]?.text);
  });
});
