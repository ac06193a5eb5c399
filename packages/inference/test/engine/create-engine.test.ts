import { describe, expect, it } from "vitest";
import type { GenerationRequest, TokenDelta, TokenStream } from "../../src/index.ts";
import {
  bytesOf,
  createEngineFixture,
  createGate,
  eosTokenId,
  scriptedLogits,
} from "../support/engine-fixture.ts";
import { hashLogits } from "../support/fake-executor.ts";

const oncePrompt = bytesOf("Once");

async function collect(stream: TokenStream): Promise<TokenDelta[]> {
  const deltas: TokenDelta[] = [];
  for await (const delta of stream) deltas.push(delta);
  return deltas;
}

describe("createEngine", () => {
  it("returns the tokens, the text and the finish reason", async () => {
    const text = "Grüße, 🌍!";
    const { engine } = createEngineFixture({ logits: scriptedLogits(oncePrompt.length, bytesOf(text)) });
    const stream = engine.generate({ promptTokenIds: oncePrompt, sampling: { temperature: 0 } });
    const deltas = await collect(stream);
    expect(deltas.map((delta) => delta.text).join("")).toBe(text);
    expect(deltas.flatMap((delta) => delta.tokenIds)).toEqual([...bytesOf(text), eosTokenId]);
    expect(deltas.at(-1)).toMatchObject({ finishReason: "stop", stopReason: undefined });
    const result = await stream.result();
    expect(result.choices[0]).toMatchObject({ text, finishReason: "stop" });
    expect(result.usage).toEqual({
      promptTokens: 4,
      completionTokens: bytesOf(text).length + 1,
      cachedPromptTokens: 0,
    });
  });

  it("generates the same answers alone, in a batch and in any order", async () => {
    const requests: GenerationRequest[] = Array.from({ length: 20 }, (_, at) => ({
      promptTokenIds: Array.from({ length: 1 + ((at * 7) % 30) }, (_, i) => (at * 31 + i * 17) % 256),
      sampling: { temperature: at % 3 === 0 ? 0 : 1, seed: at, topP: 0.9, repetitionPenalty: 1.1 },
      stopping: { maxTokens: 5 + at },
    }));
    const alone: string[] = [];
    for (const request of requests) {
      const { engine } = createEngineFixture();
      alone.push(JSON.stringify((await engine.generate(request).result()).choices));
    }
    for (const limits of [{}, { maxTokensPerStep: 9, maxChunkTokens: 3 }, { maxRunningSequences: 2 }]) {
      const { engine } = createEngineFixture({}, { limits });
      const order = requests.map((_, at) => (at * 7) % requests.length);
      const streams = new Map(order.map((at) => [at, engine.generate(requests[at]!)]));
      for (const [at, stream] of streams) {
        expect(JSON.stringify((await stream.result()).choices)).toBe(alone[at]);
      }
      expect(engine.stats().kvCacheUsage).toBe(0);
    }
  });

  it("computes prompts in long steps until a sequence gets a token, and in short ones beside decodes", async () => {
    let nowMs = 0;
    const { engine, executor } = createEngineFixture(
      {
        contextTokens: 1024,
        // The speed of a model of 1.1 billion parameters in 8 bits on two cores.
        onForward: ({ tokenIds }) => void (nowMs += 3 * tokenIds.length),
        logits: scriptedLogits(10, bytesOf("abcd")),
      },
      { clock: { now: () => nowMs } },
    );
    const generate = (promptTokens: number, maxTokens: number): TokenStream =>
      engine.generate({
        promptTokenIds: Array.from({ length: promptTokens }, () => 65),
        sampling: { temperature: 0 },
        stopping: { maxTokens },
      });
    await generate(512, 1).result();
    const chunks = executor.batches.splice(0).map(({ lengths }) => lengths.join());
    expect(chunks).toEqual(["32", "64", "128", "128", "128", "32"]);
    await Promise.all([generate(10, 3).result(), generate(360, 1).result()]);
    const mixed = executor.batches.map(({ lengths }) => lengths.join());
    expect(mixed).toEqual(["10,22", "1,32", "1,32", "128", "128", "18"]);
  });

  it("equals a plain loop over the logits when greedy", async () => {
    const { engine } = createEngineFixture({}, { limits: { maxChunkTokens: 3 } });
    const history = bytesOf("a prompt of some length");
    const promptTokenIds = [...history];
    const expected: number[] = [];
    const row = new Float32Array(257);
    for (let at = 0; at < 12; at += 1) {
      hashLogits(history, row);
      const token = row.indexOf(Math.max(...row));
      expected.push(token);
      history.push(token);
      if (token === eosTokenId) break;
    }
    const stream = engine.generate({
      promptTokenIds,
      sampling: { temperature: 0 },
      stopping: { maxTokens: 12 },
    });
    expect((await stream.result()).choices[0]?.tokenIds).toEqual(expected);
  });

  it("generates n different answers, and the same again with the seed", async () => {
    const { engine, executor } = createEngineFixture({ maxSequences: 2 });
    const request = { promptTokenIds: oncePrompt, n: 5, sampling: { seed: 11 }, stopping: { maxTokens: 12 } };
    const first = await engine.generate(request).result();
    const second = await engine.generate(request).result();
    expect(first.choices).toEqual(second.choices);
    expect(first.choices.map((choice) => choice.index)).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(first.choices.map((choice) => choice.tokenIds.join())).size).toBe(5);
    expect(Math.max(...executor.batches.map((batch) => batch.slots.length))).toBe(2);
    expect(first.usage.promptTokens).toBe(4);
  });

  it("computes the prompt of n answers once, and generates what each would alone", async () => {
    const promptTokenIds = bytesOf("a prompt of some length");
    const request = { promptTokenIds, sampling: { seed: 9 }, stopping: { maxTokens: 6 }, n: 4 };
    const answers: unknown[] = [];
    const promptTokenCounts: number[] = [];
    for (const limits of [
      {},
      { maxTokensPerStep: 8 },
      { maxRunningSequences: 2 },
      { maxRunningSequences: 1 },
    ]) {
      const { engine } = createEngineFixture({}, { limits });
      answers.push((await engine.generate(request).result()).choices);
      promptTokenCounts.push(engine.stats().promptTokenCount);
      expect(engine.stats().kvCacheUsage).toBe(0);
    }
    // 22 tokens of 23 are copied where another with the prompt is running.
    expect(promptTokenCounts).toEqual([26, 26, 26, 92]);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it("takes a seed from the random source when the request has none", async () => {
    const values = [0.25, 0.25, 0.75];
    const { engine } = createEngineFixture({}, { random: () => values.shift() ?? 0 });
    const request = { promptTokenIds: oncePrompt, stopping: { maxTokens: 16, ignoreEos: true } };
    const texts = [];
    for (let at = 0; at < 3; at += 1) {
      texts.push((await engine.generate(request).result()).choices[0]?.tokenIds.join());
    }
    expect(texts[0]).toBe(texts[1]);
    expect(texts[2]).not.toBe(texts[1]);
  });

  it("finishes at the stop string and removes it, wherever its tokens are split", async () => {
    const { engine } = createEngineFixture({ logits: scriptedLogits(4, bytesOf("one END two")) });
    const stopping = { stop: ["STOP", " END"] };
    const request = { promptTokenIds: oncePrompt, sampling: { temperature: 0 }, stopping };
    const [choice] = (await engine.generate(request).result()).choices;
    expect(choice).toMatchObject({ text: "one", finishReason: "stop", stopReason: " END" });
    const included = { ...request, stopping: { ...stopping, includeStopInOutput: true } };
    const [withStop] = (await engine.generate(included).result()).choices;
    expect(withStop?.text).toBe("one END");
  });

  it("reports the stop token, and generates past the end-of-sequence token with ignoreEos", async () => {
    const { engine } = createEngineFixture({ logits: scriptedLogits(4, bytesOf("ab!cd")) });
    const sampling = { temperature: 0 };
    const stopTokenIds = bytesOf("!");
    const stopped = await engine
      .generate({ promptTokenIds: oncePrompt, sampling, stopping: { stopTokenIds } })
      .result();
    expect(stopped.choices[0]).toMatchObject({ text: "ab", finishReason: "stop", stopReason: 33 });
    const stopping = { stopTokenIds, includeStopInOutput: true };
    const included = await engine.generate({ promptTokenIds: oncePrompt, sampling, stopping }).result();
    expect(included.choices[0]).toMatchObject({ text: "ab!", finishReason: "stop", stopReason: 33 });
    const ignoring = await engine
      .generate({ promptTokenIds: oncePrompt, sampling, stopping: { ignoreEos: true, maxTokens: 8 } })
      .result();
    expect(ignoring.choices[0]).toMatchObject({ text: "ab!cd", finishReason: "length" });
    expect(ignoring.choices[0]?.tokenIds.slice(-3)).toEqual([eosTokenId, eosTokenId, eosTokenId]);
  });

  it("does not sample the end before minTokens", async () => {
    const { engine } = createEngineFixture({ logits: scriptedLogits(4, []) });
    const stopping = { minTokens: 3, maxTokens: 10 };
    const result = await engine
      .generate({ promptTokenIds: oncePrompt, sampling: { temperature: 0 }, stopping })
      .result();
    expect(result.choices[0]?.tokenIds).toHaveLength(4);
    expect(result.choices[0]?.tokenIds.at(-1)).toBe(eosTokenId);
  });

  it.each([
    [2, "a"],
    [3, "a.b"],
    [4, "a.b"],
    [5, "a.b.c"],
  ])("does not finish at a stop string before %i tokens", async (minTokens, text) => {
    const { engine } = createEngineFixture({ logits: scriptedLogits(4, bytesOf("a.b.c")) });
    const stopping = { stop: ["."], minTokens };
    const result = await engine
      .generate({ promptTokenIds: oncePrompt, sampling: { temperature: 0 }, stopping })
      .result();
    expect(result.choices[0]?.text).toBe(text);
  });

  it("prefers a stop string that the last token completes to the end by length", async () => {
    const { engine } = createEngineFixture({ logits: scriptedLogits(4, bytesOf("ab.")) });
    const stopping = { stop: ["."], maxTokens: 3 };
    const result = await engine
      .generate({ promptTokenIds: oncePrompt, sampling: { temperature: 0 }, stopping })
      .result();
    expect(result.choices[0]).toMatchObject({ text: "ab", finishReason: "stop", stopReason: "." });
  });

  it("returns held-back text when the answer finishes by length or token", async () => {
    const { engine } = createEngineFixture({ logits: scriptedLogits(4, bytesOf("ab\n€").slice(0, 4)) });
    for (const maxTokens of [4, 20]) {
      const result = await engine
        .generate({
          promptTokenIds: oncePrompt,
          sampling: { temperature: 0 },
          stopping: { stop: ["\n\n", "\uFFFDx"], maxTokens },
        })
        .result();
      expect(result.choices[0]?.text).toBe("ab\n\uFFFD");
    }
  });

  it("reports log-probabilities of the model's own distribution, one for each token", async () => {
    const { engine } = createEngineFixture();
    const result = await engine
      .generate({
        promptTokenIds: oncePrompt,
        sampling: { seed: 1, temperature: 0.5, logitBias: new Map([[65, 50]]) },
        stopping: { maxTokens: 3 },
        logprobs: 2,
      })
      .result();
    const [choice] = result.choices;
    expect(choice?.tokenIds).toEqual([65, 65, 65]);
    const row = new Float32Array(257);
    hashLogits(oncePrompt, row);
    const logSum = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
    const [first] = choice?.logprobs ?? [];
    expect(first).toMatchObject({ tokenId: 65, token: "A", bytes: [65] });
    expect(first?.logprob).toBeCloseTo(row[65]! - logSum, 5);
    const sorted = Array.from(row).sort((a, b) => b - a);
    expect(first?.top.map((candidate) => candidate.logprob)).toEqual([
      expect.closeTo(sorted[0]! - logSum, 5),
      expect.closeTo(sorted[1]! - logSum, 5),
    ]);
    expect(choice?.logprobs).toHaveLength(3);
  });

  it.each([{}, { maxTokensPerStep: 8, maxChunkTokens: 3 }])(
    "reports log-probabilities of the prompt in the first delta, with %o",
    async (limits) => {
      const { engine } = createEngineFixture({ maxLogitRows: 11 }, { limits });
      const promptTokenIds = bytesOf("a prompt of some length");
      const neighbours = [1, 2].map((seed) =>
        engine.generate({ promptTokenIds: oncePrompt, sampling: { seed }, promptLogprobs: 0 }).result(),
      );
      const sampling = { temperature: 0, logitBias: new Map([[65, 50]]), repetitionPenalty: 1.3 };
      const stream = engine.generate({
        promptTokenIds,
        sampling,
        stopping: { maxTokens: 3 },
        promptLogprobs: 2,
      });
      const [first, ...others] = await collect(stream);
      expect(first?.tokenIds).toEqual([65]);
      expect(others.map((delta) => "promptLogprobs" in delta)).toEqual([false, false]);
      const reported = first?.promptLogprobs;
      expect((await stream.result()).promptLogprobs).toEqual(reported);
      expect(reported).toHaveLength(promptTokenIds.length);
      expect(reported?.[0]).toBeUndefined();
      const row = new Float32Array(257);
      for (let at = 1; at < promptTokenIds.length; at += 1) {
        hashLogits(promptTokenIds.slice(0, at), row);
        const logSum = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
        expect(reported?.[at]?.tokenId).toBe(promptTokenIds[at]);
        expect(reported?.[at]?.logprob).toBeCloseTo(row[promptTokenIds[at]!]! - logSum, 5);
        const sorted = Array.from(row).sort((a, b) => b - a);
        expect(reported?.[at]?.top.map((candidate) => candidate.logprob)).toEqual([
          expect.closeTo(sorted[0]! - logSum, 5),
          expect.closeTo(sorted[1]! - logSum, 5),
        ]);
      }
      for (const { promptLogprobs } of await Promise.all(neighbours)) {
        expect(promptLogprobs?.map((each) => each?.tokenId)).toEqual([undefined, ...oncePrompt.slice(1)]);
        expect(promptLogprobs?.[1]?.top).toEqual([]);
      }
    },
  );

  it("ends after the prompt when nothing is to be generated", async () => {
    const { engine, events } = createEngineFixture({ contextTokens: 4 });
    for (const n of [1, 2]) {
      const stream = engine.generate({
        promptTokenIds: oncePrompt,
        stopping: { maxTokens: 0 },
        promptLogprobs: 1,
        n,
      });
      const deltas = await collect(stream);
      expect(deltas).toHaveLength(n);
      expect(deltas[0]).toMatchObject({ index: 0, text: "", tokenIds: [], finishReason: "length" });
      expect(deltas[0]?.promptLogprobs).toHaveLength(4);
      const result = await stream.result();
      expect(result).toMatchObject({
        usage: { completionTokens: 0 },
        timings: { timeToFirstTokenMs: undefined },
      });
    }
    expect(events.filter(([name]) => name === "inference:first-token")).toEqual([]);
    expect(engine.stats().generatedTokenCount).toBe(0);
    expect(engine.stats().kvCacheUsage).toBe(0);
  });

  it("splits log-probabilities into deltas of about 2000 candidates", async () => {
    const { engine } = createEngineFixture();
    const promptTokenIds = Array.from({ length: 120 }, (_, at) => at);
    const stream = engine.generate({ promptTokenIds, promptLogprobs: 20, stopping: { maxTokens: 0 } });
    await stream.result();
    const deltas = await collect(stream);
    expect(deltas.map(({ promptLogprobs }) => promptLogprobs?.length)).toEqual([96, 24]);
  });

  it("joins the tokens that a slow consumer did not read into one delta", async () => {
    const { engine } = createEngineFixture({ logits: scriptedLogits(4, bytesOf("hello")) });
    const stream = engine.generate({ promptTokenIds: oncePrompt, sampling: { temperature: 0 } });
    await stream.result();
    const deltas = await collect(stream);
    expect(deltas).toHaveLength(1);
    expect(deltas[0]).toMatchObject({ text: "hello", finishReason: "stop" });
    expect(deltas[0]?.tokenIds).toHaveLength(6);
  });

  it("keeps the text of a long answer that was streamed", async () => {
    const text = "abc".repeat(70);
    const { engine } = createEngineFixture({ contextTokens: 300, logits: scriptedLogits(4, bytesOf(text)) });
    const stream = engine.generate({ promptTokenIds: oncePrompt, sampling: { temperature: 0 } });
    expect((await collect(stream)).length).toBeGreaterThan(200);
    expect((await stream.result()).choices[0]?.text).toBe(text);
  });

  it("can be iterated once", async () => {
    const { engine } = createEngineFixture();
    const stream = engine.generate({ promptTokenIds: oncePrompt, stopping: { maxTokens: 2 } });
    await collect(stream);
    await expect(collect(stream)).rejects.toMatchObject({ code: "STREAM_CONSUMED" });
  });

  it("publishes the events of a request and of each step", async () => {
    const { engine, events } = createEngineFixture(
      { logits: scriptedLogits(4, bytesOf("hey")) },
      { limits: { maxChunkTokens: 3 } },
    );
    await engine.generate({ id: "r1", promptTokenIds: oncePrompt, sampling: { temperature: 0 } }).result();
    await engine.dispose();
    const names = events.map(([name]) => name.replace("inference:", ""));
    expect(names).toEqual([
      "engine-started",
      "request-queued",
      "request-scheduled",
      "step-finished",
      "first-token",
      "step-finished",
      "step-finished",
      "step-finished",
      "request-finished",
      "step-finished",
      "engine-stopped",
    ]);
    const queued = events.find(([name]) => name === "inference:request-queued");
    // What the context leaves, as the request named no limit.
    const labels = { model: "fake", engine: "0" };
    expect(queued?.[1]).toEqual({ ...labels, requestId: "r1", promptTokenCount: 4, n: 1, maxTokens: 124 });
    const steps = events.flatMap((event) => (event[0] === "inference:step-finished" ? [event[1]] : []));
    expect(steps.map((step) => step.prefillTokenCount)).toEqual([3, 1, 0, 0, 0]);
    expect(steps.map((step) => step.decodeTokenCount)).toEqual([0, 0, 1, 1, 1]);
    expect(steps.at(-1)).toMatchObject({ runningSequenceCount: 0, kvCacheUsage: 0 });
    const finished = events.find(([name]) => name === "inference:request-finished");
    expect(finished?.[1]).toMatchObject({
      requestId: "r1",
      finishReason: "stop",
      promptTokenCount: 4,
      generatedTokenCount: 4,
      longestAnswerTokenCount: 4,
    });
  });

  it("names its model and engine in every event", async () => {
    const broken = { register: () => Promise.reject(new Error("no agent")) };
    const service = { id: "a", name: "b", address: "c", port: 1, tags: [], metadata: {} };
    const fixtures = ["left", "right"].map((engineId) =>
      createEngineFixture({}, { model: `model of ${engineId}`, engineId, discovery: broken, service }),
    );
    for (const { engine } of fixtures) {
      await engine.generate({ promptTokenIds: oncePrompt, stopping: { maxTokens: 2 } }).result();
      await engine.dispose();
    }
    for (const [index, engine] of ["left", "right"].entries()) {
      const events = fixtures[index]?.events ?? [];
      // One of each kind at least.
      expect(new Set(events.map(([name]) => name)).size).toBe(8);
      for (const [, payload] of events) {
        expect(payload).toMatchObject({ model: `model of ${engine}`, engine });
      }
    }
  });

  it("publishes the length of the longest answer and of all", async () => {
    const { engine, events } = createEngineFixture();
    const { choices } = await engine
      .generate({ promptTokenIds: oncePrompt, n: 6, sampling: { temperature: 2, seed: 5 } })
      .result();
    // The request finishes by length if one of its answers does.
    expect(new Set(choices.map(({ finishReason }) => finishReason))).toEqual(new Set(["stop", "length"]));
    const lengths = choices.map(({ tokenIds }) => tokenIds.length);
    expect(new Set(lengths).size).toBeGreaterThan(1);
    const [reported] = events.flatMap((event) =>
      event[0] === "inference:request-finished" ? [event[1]] : [],
    );
    expect(reported).toMatchObject({
      finishReason: "length",
      generatedTokenCount: lengths.reduce((sum, length) => sum + length, 0),
      longestAnswerTokenCount: Math.max(...lengths),
    });
  });

  it("sleeps without requests, and counts steps and tokens", async () => {
    const { engine, executor } = createEngineFixture();
    await engine
      .generate({ promptTokenIds: oncePrompt, stopping: { maxTokens: 3, ignoreEos: true } })
      .result();
    const stepCount = executor.batches.length;
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(executor.batches).toHaveLength(stepCount);
    expect(engine.stats()).toMatchObject({
      stepCount,
      runningSequenceCount: 0,
      waitingRequestCount: 0,
      waitingTokenCount: 0,
      kvCacheUsage: 0,
      promptTokenCount: 4,
      generatedTokenCount: 3,
    });
  });
});

describe("cancellation", () => {
  it("leaves the queue at once", async () => {
    const { engine, executor, events } = createEngineFixture({ maxSequences: 1 });
    const running = engine.generate({
      promptTokenIds: oncePrompt,
      stopping: { maxTokens: 6, ignoreEos: true },
    });
    const controller = new AbortController();
    const queued = engine.generate({ id: "queued", promptTokenIds: [9], signal: controller.signal });
    controller.abort(new Error("gone"));
    expect(engine.stats()).toMatchObject({ waitingRequestCount: 1, waitingTokenCount: oncePrompt.length });
    await expect(collect(queued)).rejects.toThrow("gone");
    await expect(queued.result()).rejects.toThrow("gone");
    await running.result();
    expect(executor.batches.every((batch) => batch.slots.length === 1)).toBe(true);
    expect(executor.batches.flatMap((batch) => batch.tokenIds)).not.toContain(9);
    expect(events).toContainEqual([
      "inference:request-finished",
      expect.objectContaining({ requestId: "queued", finishReason: "abort", generatedTokenCount: 0 }),
    ]);
  });

  it.each([
    ["in prefill", 1],
    ["in decode", 5],
  ])("leaves the batch within one step %s", async (_, abortInStep) => {
    const controller = new AbortController();
    let stepCount = 0;
    const { engine, executor } = createEngineFixture(
      {
        onForward: () => {
          stepCount += 1;
          if (stepCount === abortInStep) controller.abort();
        },
      },
      { limits: { maxChunkTokens: 2 } },
    );
    const neighbour = engine.generate({
      promptTokenIds: oncePrompt,
      stopping: { maxTokens: 20, ignoreEos: true },
    });
    const cancelled = engine.generate({
      promptTokenIds: bytesOf("prompt"),
      stopping: { maxTokens: 20, ignoreEos: true },
      signal: controller.signal,
    });
    await expect(cancelled.result()).rejects.toMatchObject({ name: "AbortError" });
    await neighbour.result();
    const inStep = executor.batches.map((batch) => batch.slots.length);
    expect(inStep.slice(0, abortInStep)).toEqual(Array.from({ length: abortInStep }, () => 2));
    expect(inStep.slice(abortInStep).every((count) => count === 1)).toBe(true);
    expect(engine.stats().kvCacheUsage).toBe(0);
  });

  it("works while the tokens of a step are being chosen, too", async () => {
    let now = 0;
    const { engine, executor } = createEngineFixture(
      {},
      // Every reading of the clock takes so long that sampling yields after each row.
      { clock: { now: () => (now += 20) } },
    );
    const request = { promptTokenIds: oncePrompt, stopping: { maxTokens: 5, ignoreEos: true } };
    const streams = [1, 2, 3].map(() => engine.generate(request));
    const iterator = streams[0]?.[Symbol.asyncIterator]();
    await iterator?.next();
    streams[2]?.cancel("enough");
    expect(engine.stats().kvCacheUsage).toBe(2 / 8);
    await expect(streams[2]?.result()).rejects.toBe("enough");
    await Promise.all(streams.slice(0, 2).map((stream) => stream.result()));
    expect(engine.stats().kvCacheUsage).toBe(0);
    expect(executor.batches.map((batch) => batch.slots.length)).toEqual([3, 2, 2, 2, 2]);
  });

  it("follows when the loop over the stream is left", async () => {
    const { engine, executor } = createEngineFixture();
    const stream = engine.generate({
      promptTokenIds: oncePrompt,
      stopping: { maxTokens: 100, ignoreEos: true },
    });
    for await (const delta of stream) {
      expect(delta.tokenIds.length).toBeGreaterThan(0);
      break;
    }
    await engine.drain();
    expect(executor.batches.length).toBeLessThanOrEqual(3);
    expect(engine.stats().kvCacheUsage).toBe(0);
    await expect(stream.result()).rejects.toMatchObject({ name: "AbortError" });
  });

  it("never queues a request whose signal is aborted, and keeps nothing of a finished one", async () => {
    const { engine, executor } = createEngineFixture();
    const stream = engine.generate({ promptTokenIds: oncePrompt, signal: AbortSignal.abort("early") });
    await expect(stream.result()).rejects.toBe("early");
    expect(executor.batches).toHaveLength(0);
    const controller = new AbortController();
    const done = engine.generate({
      promptTokenIds: oncePrompt,
      stopping: { maxTokens: 1 },
      signal: controller.signal,
    });
    const result = await done.result();
    controller.abort();
    done.cancel();
    expect(await done.result()).toBe(result);
  });
});

describe("limits and failures", () => {
  it("refuses a request when the queue is full, with a retry time", () => {
    const { engine } = createEngineFixture(
      { maxSequences: 1 },
      { limits: { maxQueuedRequests: 2, maxQueuedTokens: 9 } },
    );
    engine.generate({ promptTokenIds: oncePrompt });
    engine.generate({ promptTokenIds: oncePrompt });
    expect(() => engine.generate({ promptTokenIds: oncePrompt })).toThrow(
      expect.objectContaining({ code: "QUEUE_FULL", resource: "tokens", limit: 9, requested: 12 }),
    );
    engine.generate({ promptTokenIds: [1] });
    expect(() => engine.generate({ promptTokenIds: [1] })).toThrow(
      expect.objectContaining({
        code: "QUEUE_FULL",
        resource: "requests",
        limit: 2,
        requested: 3,
        retryAfterMs: 1000,
      }),
    );
  });

  it("queues a request alone, however many tokens it has", () => {
    const { engine } = createEngineFixture({}, { limits: { maxQueuedTokens: 1 } });
    engine.generate({ promptTokenIds: oncePrompt });
    expect(engine.stats().waitingTokenCount).toBe(4);
  });

  it("refuses a request that is longer than the context, with the numbers", () => {
    const { engine } = createEngineFixture({ contextTokens: 16, slotTokens: 12 });
    expect(engine.contextTokens).toBe(12);
    expect(() => engine.generate({ promptTokenIds: oncePrompt, stopping: { maxTokens: 9 } })).toThrow(
      expect.objectContaining({
        code: "CONTEXT_LENGTH_EXCEEDED",
        promptTokens: 4,
        maxTokens: 9,
        contextTokens: 12,
      }),
    );
  });

  it("finishes at the end of the context without maxTokens", async () => {
    const { engine } = createEngineFixture({ contextTokens: 10 });
    const stopping = { ignoreEos: true };
    const { choices } = await engine.generate({ promptTokenIds: oncePrompt, stopping }).result();
    expect(choices[0]).toMatchObject({ finishReason: "length" });
    expect(choices[0]?.tokenIds).toHaveLength(6);
  });

  it("fails the running requests when the executor fails, and goes on", async () => {
    let failures = 1;
    const { engine, events } = createEngineFixture({
      maxSequences: 2,
      onForward: () => {
        failures -= 1;
        if (failures === 0) throw new Error("device lost");
      },
    });
    const request = { promptTokenIds: oncePrompt, stopping: { maxTokens: 3, ignoreEos: true } };
    const streams = [1, 2, 3].map(() => engine.generate(request));
    const outcomes = await Promise.allSettled(streams.map((stream) => stream.result()));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["rejected", "rejected", "fulfilled"]);
    expect(outcomes[0]).toMatchObject({
      reason: { code: "EXECUTOR_FAILED", cause: expect.objectContaining({ message: "device lost" }) },
    });
    expect(engine.stats().kvCacheUsage).toBe(0);
    const reasons = events.flatMap((event) =>
      event[0] === "inference:request-finished" ? [event[1].finishReason] : [],
    );
    expect(reasons).toEqual(["error", "error", "length"]);
  });

  it("fails one sequence whose logits are no numbers, and not its neighbour", async () => {
    const { engine } = createEngineFixture({
      logits: (history, row) => {
        hashLogits(history, row);
        if (history[0] === 7 && history.length === 3) row[100] = Number.NaN;
      },
    });
    const stopping = { maxTokens: 6, ignoreEos: true };
    const broken = engine.generate({ promptTokenIds: [7], stopping });
    const whole = engine.generate({ promptTokenIds: [8], stopping });
    const deltas: TokenDelta[] = [];
    await expect(
      (async () => {
        for await (const delta of broken) deltas.push(delta);
      })(),
    ).rejects.toMatchObject({ code: "EXECUTOR_FAILED" });
    expect(deltas.flatMap((delta) => delta.tokenIds)).toHaveLength(2);
    expect((await whole.result()).choices[0]?.tokenIds).toHaveLength(6);
  });

  it("throws a sink's error where it is seen and keeps its own state", async () => {
    const seen: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => seen.push(error));
    try {
      const { engine } = createEngineFixture(
        {},
        {
          events: {
            emit: (...[name]) => {
              if (name === "inference:first-token") throw new Error("bad sink");
            },
          },
        },
      );
      const { choices } = await engine
        .generate({ promptTokenIds: oncePrompt, stopping: { maxTokens: 3, ignoreEos: true } })
        .result();
      expect(choices[0]?.tokenIds).toHaveLength(3);
      expect(seen).toMatchObject([{ message: "bad sink" }]);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
  });
});

describe("the end", () => {
  it("drains: finishes its requests and takes no new ones", async () => {
    const { engine } = createEngineFixture({ maxSequences: 1 });
    const stopping = { maxTokens: 5, ignoreEos: true };
    const streams = [1, 2].map((token) => engine.generate({ promptTokenIds: [token], stopping }));
    const drained = engine.drain();
    expect(() => engine.generate({ promptTokenIds: oncePrompt })).toThrow(
      expect.objectContaining({ code: "ENGINE_DRAINING" }),
    );
    await drained;
    for (const stream of streams) expect((await stream.result()).choices[0]?.tokenIds).toHaveLength(5);
  });

  it("ends the rest when the time for draining is over", async () => {
    const { engine } = createEngineFixture({
      contextTokens: 1_000_000,
      logits: (_, row) => row.fill(0),
      onForward: (batch) => void batch,
    });
    const stream = engine.generate({ promptTokenIds: oncePrompt, stopping: { ignoreEos: true } });
    const failure = stream.result().catch((error: unknown) => error);
    await engine.drain({ timeoutMs: 1 });
    expect(await failure).toMatchObject({ code: "ENGINE_DRAINING" });
    expect(engine.stats().kvCacheUsage).toBe(0);
  });

  it("rejects running requests when it is disposed, waits for the step, and frees its memory", async () => {
    const gate = createGate();
    const { engine, memory } = createEngineFixture({ onForward: () => gate.opened });
    const stream = engine.generate({ promptTokenIds: oncePrompt });
    const failure = stream.result().catch((error: unknown) => error);
    await new Promise((resolve) => setImmediate(resolve));
    const disposed = engine.dispose();
    expect(await failure).toMatchObject({ code: "ENGINE_DISPOSED" });
    expect(engine.stats().kvCacheUsage).toBe(1 / 8);
    gate.open();
    await disposed;
    await engine.dispose();
    expect(engine.stats().kvCacheUsage).toBe(0);
    expect(memory.liveBlockCount).toBe(0);
    expect(() => engine.generate({ promptTokenIds: oncePrompt })).toThrow(
      expect.objectContaining({ code: "ENGINE_DISPOSED" }),
    );
  });
});
