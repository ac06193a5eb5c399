import { expect, it } from "vitest";
import { createRandom } from "../../../../benchmarks/lib/random.ts";
import { InferenceError } from "../../src/errors.ts";
import type {
  ClockPort,
  ConstraintStatePort,
  EngineStats,
  ForwardBatch,
  GenerationRequest,
  InferenceEngine,
} from "../../src/index.ts";
import { isRowEdited } from "../../src/executors/row-edits.ts";
import { bytesOf, createEngineFixture, createGate, fixtureVocabSize } from "../support/engine-fixture.ts";
import { hashLogits } from "../support/fake-executor.ts";
import { createPagedExecutor, type PagedExecutorOptions } from "../support/paged-executor.ts";
import { createTextConstraint } from "../support/text-constraint.ts";

function createPagedEngine(
  options: Partial<PagedExecutorOptions> = {},
  clock: ClockPort = { now: () => 0 },
): InferenceEngine {
  const shape = { vocabSize: fixtureVocabSize, pageTokens: 4, pageCount: 80, maxLogitRows: 20 };
  return createEngineFixture({}, { clock, executor: createPagedExecutor({ ...shape, ...options }) }).engine;
}

/**
 * What engines whose executors do and do not sample answer, and the kinds of rows in each batch of the first. One whose
 * executor runs ahead answers the same, and one whose executor edits nothing.
 */
async function answerBothWays(
  requests: readonly GenerationRequest[],
  options: Partial<PagedExecutorOptions> = {},
): Promise<{ readonly sampled: unknown; readonly host: unknown; readonly rows: readonly number[][] }> {
  const rows: number[][] = [];
  const onForward = (batch: ForwardBatch): void => void rows.push(sampledOf(batch));
  const [sampled, host, ahead, unedited] = [
    createPagedEngine({ ...options, onForward }),
    createPagedEngine({ ...options, canSample: false }),
    createPagedEngine({ ...options, canRunAhead: true }),
    createPagedEngine({ ...options, editCapacity: undefined, maxTopCount: 1 }),
  ].map((engine) => Promise.all(requests.map((request) => answerOf(engine, request))));
  expect(await ahead).toEqual(await sampled);
  expect(await unedited).toEqual(await sampled);
  return { sampled: await sampled, host: await host, rows };
}

/** What a request is answered, or why it fails. */
async function answerOf(engine: InferenceEngine, request: GenerationRequest): Promise<unknown> {
  try {
    const { choices, promptLogprobs } = await engine.generate(request).result();
    return { choices, promptLogprobs };
  } catch (error) {
    if (!(error instanceof InferenceError)) throw error;
    return `${error.code} ${error.message}`;
  }
}

/** Of each row of a batch 1 where the executor samples it, 2 where it edits it before, 0 where it returns the logits. */
function sampledOf({ chunkCount, logitCounts, sampling }: ForwardBatch): number[] {
  let rowCount = 0;
  for (const logitCount of logitCounts.subarray(0, chunkCount)) rowCount += logitCount;
  return sampling === undefined
    ? Array.from({ length: rowCount }, () => 0)
    : Array.from(sampling.isSampled.subarray(0, rowCount), (isSampled, row) =>
        sampling.edits !== undefined && isRowEdited(sampling.edits, row) ? 2 * isSampled : isSampled,
      );
}

const requestOf = (salt: number, part: Partial<GenerationRequest> = {}): GenerationRequest => ({
  promptTokenIds: Array.from({ length: 5 + salt }, (_, at) => (at * 31 + salt * 7) % 256),
  sampling: { seed: salt },
  stopping: { maxTokens: 12, ignoreEos: true },
  ...part,
});

it("leaves sampling to the executor, log-probabilities included", async () => {
  const plain = [
    {},
    { temperature: 0 },
    { temperature: 0.6, topK: 7 },
    { topP: 0.8, minP: 0.02 },
    { seed: -3n, temperature: 1.9, topP: 0.99 },
  ].map((sampling, salt) => requestOf(salt, { sampling: { seed: salt, ...sampling } }));
  const others = [
    requestOf(5, { sampling: { seed: 1, frequencyPenalty: 0.7 } }),
    requestOf(6, { sampling: { seed: 1, logitBias: new Map([[9, 4]]) } }),
    requestOf(7, { logprobs: 2 }),
    requestOf(8, { logprobs: 0, sampling: { seed: 1, presencePenalty: 1.5 } }),
  ];
  const { sampled, host, rows } = await answerBothWays([...plain, ...others], { maxSequences: 9 });
  expect(sampled).toEqual(host);
  expect(rows).toContainEqual([1, 1, 1, 1, 1, 2, 2, 1, 2]);
});

it("asks for the logits of prompts, and has masked rows edited", async () => {
  const { sampled, host, rows } = await answerBothWays([
    requestOf(1, { sampling: { seed: 1, allowedTokenIds: [4, 5, 6] } }),
    requestOf(2, { constraint: createTextConstraint(["one answer", "other answer"]) }),
    requestOf(3, { sampling: { seed: 1, bannedSequences: [[7], [8, 9]] } }),
    requestOf(4, { promptLogprobs: 1, stopping: { maxTokens: 3, ignoreEos: true } }),
    requestOf(5, { promptLogprobs: 1, stopping: { maxTokens: 0 } }),
  ]);
  expect(sampled).toEqual(host);
  const kinds = rows.flat();
  const countOf = (kind: number): number => kinds.filter((each) => each === kind).length;
  // Of the two prompts with log-probabilities all rows but the one that is sampled; then two more tokens of the fourth.
  expect([countOf(0), kinds.length - countOf(0)]).toEqual([8 + 10, 12 + 10 + 12 + 3]);
  expect(countOf(2)).toBeGreaterThanOrEqual(12 + 10);
});

it("asks the host for log-probabilities of forced tokens, and of more tokens than the executor ranks", async () => {
  const text = createTextConstraint(["ab"]);
  const start = (): ConstraintStatePort => {
    const state = text.start();
    return Object.create(state, { forcedTokenId: { value: 97 } }) as ConstraintStatePort;
  };
  const forced = { constraint: { start }, logprobs: 1, stopping: { maxTokens: 1 } };
  const { sampled, host, rows } = await answerBothWays(
    [requestOf(1, forced), requestOf(2, { logprobs: 5 }), requestOf(3, { logprobs: 4 })],
    { maxTopCount: 4 },
  );
  expect(sampled).toEqual(host);
  expect(rows[0]).toEqual([0, 0, 1]);
});

it("edits as many rows as the executor has room for", async () => {
  const masked = [0, 1, 2].map((salt) => requestOf(salt, { sampling: { seed: 1, allowedTokenIds: [4, 5] } }));
  const fewMasks = await answerBothWays(masked, { editCapacity: { edits: 100, masks: 2 } });
  expect(fewMasks.sampled).toEqual(fewMasks.host);
  expect(fewMasks.rows.slice(1)).toEqual(fewMasks.rows.slice(1).map(() => [2, 2, 0]));
  const logitBias = new Map([4, 5, 6].map((id) => [id, 9]));
  const biased = [0, 1, 2].map((salt) => requestOf(salt, { sampling: { seed: 1, logitBias } }));
  const fewEdits = await answerBothWays(biased, { editCapacity: { edits: 8, masks: 2 } });
  expect(fewEdits.sampled).toEqual(fewEdits.host);
  expect(fewEdits.rows.slice(1)).toEqual(fewEdits.rows.slice(1).map(() => [2, 2, 0]));
});

it("works masks out for 8 ms of a step, and leaves the others to the host", async () => {
  const text = createTextConstraint(["one answer", "other answer"]);
  let nowMs = 0;
  const start = (): ConstraintStatePort => {
    const state = text.start();
    const fillMask = (words: Uint32Array): void => {
      nowMs += 5;
      state.fillMask(words);
    };
    return Object.create(state, { fillMask: { value: fillMask } }) as ConstraintStatePort;
  };
  const requests = [0, 1, 2, 3].map((salt) => requestOf(salt, { constraint: { start } }));
  const rows: number[][] = [];
  const onForward = (batch: ForwardBatch): void => void rows.push(sampledOf(batch));
  const clock = { now: () => nowMs };
  const [sampled, host] = [
    createPagedEngine({ onForward }, clock),
    createPagedEngine({ canSample: false }),
  ].map((engine) => Promise.all(requests.map((request) => answerOf(engine, request))));
  expect(await sampled).toEqual(await host);
  expect(rows.filter((row) => row.length === 4)).toContainEqual([2, 2, 0, 0]);
  expect(rows.filter((row) => row.length === 4).every((row) => row[2] === 0)).toBe(true);
});

it("takes forced tokens without edits and without a random number", async () => {
  const text = createTextConstraint(["ab", "axc"]);
  const start = (): ConstraintStatePort => {
    const state = text.start();
    const letterA = 97;
    return Object.create(state, {
      forcedTokenId: { get: () => (state.allows(letterA) ? letterA : undefined) },
    }) as ConstraintStatePort;
  };
  const { sampled, host, rows } = await answerBothWays(
    [0, 1, 2].map((salt) => requestOf(salt, { constraint: { start } })),
  );
  expect(sampled).toEqual(host);
  expect(rows.slice(0, 2)).toEqual([
    [1, 1, 1],
    [2, 2, 2],
  ]);
});

it.each([
  ["lets no token come next", () => {}, "CONSTRAINT_DEAD_END"],
  [
    "fails",
    () => {
      throw new InferenceError("CONSTRAINT_TOO_LARGE", { expected: "less", got: "more" });
    },
    "CONSTRAINT_TOO_LARGE",
  ],
])("fails a request whose constraint %s, and no other, as the host does", async (_, fillMask, code) => {
  const state = { isComplete: false, isFinished: false, allows: () => false, fillMask, accept: () => {} };
  const failures = await Promise.all(
    [{}, { canSample: false }].map(async (options) => {
      const engine = createPagedEngine(options);
      const other = engine.generate(requestOf(2)).result();
      const failing = engine.generate(requestOf(1, { constraint: { start: () => state } })).result();
      const failure = await failing.catch((error: InferenceError) => ({
        code: error.code,
        message: error.message,
      }));
      expect((await other).choices[0]?.tokenIds).toHaveLength(12);
      return failure;
    }),
  );
  expect(failures[0]).toMatchObject({ code });
  expect(failures[0]).toEqual(failures[1]);
});

it("fails a request whose edits leave no token as the host does", async () => {
  const request = requestOf(1, { sampling: { seed: 1, allowedTokenIds: [7], bannedSequences: [[7]] } });
  const messages = await Promise.all(
    [{}, { canSample: false }].map((options) =>
      createPagedEngine({ vocabSize: fixtureVocabSize + 3, ...options })
        .generate(request)
        .result()
        .catch((error: InferenceError) => `${error.code} ${error.message}`),
    ),
  );
  expect(messages[0]).toMatch(/EXECUTOR_FAILED .*expected 257 logits with a finite maximum, got 0 NaN/);
  expect(messages[0]).toBe(messages[1]);
});

it("goes over to the executor once enough tokens were generated to end", async () => {
  const stopping = { minTokens: 4, maxTokens: 9, stopTokenIds: bytesOf("abcdefghijklmnop") };
  const { sampled, host, rows } = await answerBothWays([requestOf(1, { stopping }), requestOf(2)]);
  expect(sampled).toEqual(host);
  expect(rows.slice(0, 5)).toEqual([
    [2, 1],
    [2, 1],
    [2, 1],
    [2, 1],
    [1, 1],
  ]);
});

it("draws the same for every seed and parameter, preempted or not", async () => {
  const random = createRandom(11);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  for (let round = 0; round < 12; round += 1) {
    const requests = Array.from({ length: 5 }, (_, salt) =>
      requestOf(salt, {
        n: pick(1, 1, 3),
        sampling: {
          seed: Math.floor(random() * 1e9),
          temperature: pick(0, 0.3, 1, 2),
          topK: pick(0, 1, 20),
          topP: pick(1, 0.9, 0.2),
          minP: pick(0, 0, 0.1),
          presencePenalty: pick(0, 0, 1),
          frequencyPenalty: pick(0, 0, 0, 0.4),
          repetitionPenalty: pick(1, 1, 1, 1.3, 0.8),
          ...(random() < 0.2
            ? {
                logitBias: new Map([
                  [7, 3.3],
                  [250, -90],
                  [9, 0.1],
                ]),
              }
            : {}),
          ...(random() < 0.2 ? { allowedTokenIds: [1, 5, 77, 100, 200, 255] } : {}),
          ...(random() < 0.2 ? { bannedSequences: [[5], [1, 77]] } : {}),
        },
        ...(random() < 0.2 ? { constraint: createTextConstraint(["ab", "abc", "zx", "zy"]) } : {}),
        ...(random() < 0.3 ? { logprobs: 1 } : {}),
      }),
    );
    const editCapacity = pick({ edits: 4096, masks: 8 }, { edits: 30, masks: 2 }, { edits: 0, masks: 0 });
    const { sampled, host } = await answerBothWays(requests, { pageCount: 14, editCapacity });
    expect(sampled).toEqual(host);
  }
});

it.each([Number.NaN, Infinity])("fails a request whose logits are %s, and no other", async (logit) => {
  const spoilt = (history: readonly number[], row: Float32Array): void => {
    hashLogits(history, row);
    if (history[0] === 77 && history.length === 6) row[3] = logit;
  };
  const messages = await Promise.all(
    [{}, { canSample: false }, { canRunAhead: true }].map(async (options) => {
      const engine = createPagedEngine({ ...options, logits: spoilt });
      const other = engine.generate(requestOf(2)).result();
      const failing = engine.generate(requestOf(1, { promptTokenIds: [77, 1, 2, 3] })).result();
      const message = await failing.catch((error: Error) => error.message);
      expect((await other).choices[0]?.tokenIds).toHaveLength(12);
      return message;
    }),
  );
  expect(messages[0]).toMatch(/expected 257 logits with a finite maximum, got . NaN and . infinite/);
  expect(new Set(messages).size).toBe(1);
});

it.each([false, true])(
  "samples nothing for a request aborted during a forward, ahead: %s",
  async (canRunAhead) => {
    const [reached, gate] = [createGate(), createGate()];
    const controller = new AbortController();
    let forwardCount = 0;
    const engine = createPagedEngine({
      canRunAhead,
      onForward: async () => {
        forwardCount += 1;
        if (forwardCount !== 3) return;
        reached.open();
        await gate.opened;
      },
    });
    const alone = createPagedEngine().generate(requestOf(2)).result();
    const aborted = engine.generate(requestOf(1, { signal: controller.signal })).result();
    const other = engine.generate(requestOf(2)).result();
    await reached.opened;
    controller.abort("gone");
    gate.open();
    await expect(aborted).rejects.toBe("gone");
    expect((await other).choices).toEqual((await alone).choices);
  },
);

it("begins a step while the one before it runs, but behind rows that the host samples and full memory", async () => {
  const statsOf = async (
    requests: readonly GenerationRequest[],
    options: Partial<PagedExecutorOptions> = {},
  ): Promise<EngineStats> => {
    const engine = createPagedEngine({ canRunAhead: true, ...options });
    await Promise.all(requests.map((request) => engine.generate(request).result()));
    await engine.drain();
    return engine.stats();
  };
  const plain = [requestOf(1), requestOf(2)];
  // All but the first; behind the last one nothing is to be computed.
  expect(await statsOf(plain)).toMatchObject({ stepCount: 12, aheadStepCount: 11, hostHeldStepCount: 0 });
  const masked = requestOf(3, { sampling: { allowedTokenIds: [4, 5] }, stopping: { maxTokens: 4 } });
  expect(await statsOf([...plain, masked])).toMatchObject({ hostHeldStepCount: 4, aheadStepCount: 7 });
  // Log-probabilities are of rows that are sampled as they are.
  const ranked = plain.map((request) => ({ ...request, logprobs: 3 }));
  expect(await statsOf(ranked)).toMatchObject({ aheadStepCount: 11, hostHeldStepCount: 0 });
  const full = await statsOf(plain, { pageCount: 7 });
  expect(full.preemptionCount).toBeGreaterThan(0);
  expect(full.memoryHeldStepCount).toBeGreaterThan(0);
  // Nothing is begun ahead where it is not wanted.
  expect(await statsOf(plain, { canRunAhead: false })).toMatchObject({ stepCount: 12, aheadStepCount: 0 });
});

it("drops what it computed ahead of an answer that ended, whose pages others take", async () => {
  let forwardCount = 0;
  const options = { pageCount: 12, canRunAhead: true, onForward: () => void (forwardCount += 1) };
  const engine = createPagedEngine(options);
  // Half of all tokens end an answer.
  const stopTokenIds = Array.from({ length: 128 }, (_, at) => 2 * at);
  const requests = Array.from({ length: 12 }, (_, salt) =>
    requestOf(salt, { stopping: { stopTokenIds, maxTokens: 20 } }),
  );
  const results = await Promise.all(requests.map((request) => engine.generate(request).result()));
  await engine.drain();
  for (const [at, request] of requests.entries()) {
    const alone = await createPagedEngine().generate(request).result();
    expect(results[at]!.choices).toEqual(alone.choices);
  }
  const { stepCount, aheadStepCount, generatedTokenCount } = engine.stats();
  expect(aheadStepCount).toBeGreaterThan(0);
  expect([forwardCount, generatedTokenCount]).toEqual([
    stepCount,
    results.reduce((sum, { usage }) => sum + usage.completionTokens, 0),
  ]);
});
