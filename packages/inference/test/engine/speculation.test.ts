import { describe, expect, it } from "vitest";
import {
  createNgramProposer,
  type EngineOptions,
  type EngineStats,
  type GenerationRequest,
  type GenerationResult,
} from "../../src/index.ts";
import { bytesOf, createEngineFixture, fixtureVocabSize, scriptedLogits } from "../support/engine-fixture.ts";
import { createPagedExecutor } from "../support/paged-executor.ts";
import { createTextConstraint } from "../support/text-constraint.ts";

const speculation = { createProposer: createNgramProposer() };
const prompt = "Repeat: one two three four five six seven. ";
const answer = "Here: one two three four five six seven, and on.";

type Layout = "slots" | "pages" | "ahead";

/** Answers a request by logits that make one text likely. */
async function generate(
  request: Partial<GenerationRequest>,
  { layout = "slots", ...options }: Partial<EngineOptions> & { readonly layout?: Layout } = {},
): Promise<{ readonly result: GenerationResult; readonly stats: EngineStats }> {
  const logits = scriptedLogits(prompt.length, bytesOf(answer));
  const { engine } = createEngineFixture(
    { logits, maxLogitRows: 20 },
    {
      ...(layout !== "slots" && {
        executor: createPagedExecutor({
          vocabSize: fixtureVocabSize,
          pageTokens: 4,
          pageCount: 64,
          maxLogitRows: 20,
          canRunAhead: layout === "ahead",
          logits,
        }),
      }),
      ...options,
    },
  );
  const promptTokenIds = bytesOf(prompt);
  const result = await engine.generate({ promptTokenIds, sampling: { seed: 1 }, ...request }).result();
  const stats = engine.stats();
  await engine.dispose();
  return { result, stats };
}

describe.each(["slots", "pages", "ahead"] as const)("speculation, with storage in %s", (layout) => {
  it("takes fewer steps for what repeats, with the same answer", async () => {
    const plain = await generate({}, { layout });
    const { result, stats } = await generate({}, { layout, speculation });
    expect(result.choices).toEqual(plain.result.choices);
    expect(result.choices[0]?.text).toBe(answer);
    expect(plain.stats).toMatchObject({ proposalCount: 0, proposedTokenCount: 0, confirmedTokenCount: 0 });
    expect(stats.generatedTokenCount).toBe(answer.length + 1);
    expect(stats.confirmedTokenCount).toBeGreaterThan(20);
    expect(stats.stepCount).toBe(plain.stats.stepCount - stats.confirmedTokenCount);
  });

  it.each([
    ["log-probabilities", { logprobs: 2 }],
    ["penalties", { sampling: { seed: 2, frequencyPenalty: 0.1, presencePenalty: 0.2 } }],
    ["a low temperature", { sampling: { seed: 3, temperature: 0.3, topP: 0.9, topK: 5 } }],
    ["a high temperature", { sampling: { seed: 3, temperature: 2 } }],
    ["a constraint", { constraint: createTextConstraint([answer, "Here: nothing."]) }],
    ["a stop string in proposals", { stopping: { stop: ["four"] } }],
    ["a length that ends in proposals", { stopping: { maxTokens: 20 } }],
    ["log-probabilities of the prompt", { promptLogprobs: 1 }],
    ["several answers", { n: 3 }],
  ] as const)("answers the same with %s", async (_, request) => {
    const plain = await generate(request, { layout });
    const { result } = await generate(request, { layout, speculation: { ...speculation, maxTokens: 5 } });
    expect(result.choices).toEqual(plain.result.choices);
    expect(result.promptLogprobs).toEqual(plain.result.promptLogprobs);
  });

  it("verifies what a request predicts, with and without other speculation", async () => {
    const predictedTokenIds = bytesOf(answer);
    const { result, stats } = await generate({ predictedTokenIds }, { layout });
    expect(result.choices[0]?.text).toBe(answer);
    expect(stats.stepCount).toBeLessThan(10);
    const { proposedTokenCount, confirmedTokenCount } = stats;
    expect(result.usage.prediction).toEqual({
      acceptedTokens: confirmedTokenCount,
      rejectedTokens: proposedTokenCount - confirmedTokenCount,
    });
    const wrong = await generate({ predictedTokenIds: bytesOf("Something else, all wrong.") }, { layout });
    expect(wrong.result.choices).toEqual(result.choices);
    const other = await generate({}, { layout });
    expect(other.result.usage.prediction).toBe(undefined);
  });

  it("proposes nothing while more sequences decode than it is for", async () => {
    const { stats } = await generate({ n: 3 }, { layout, speculation: { ...speculation, maxSequences: 2 } });
    expect(stats.proposalCount).toBe(0);
    if (layout === "ahead") expect(stats.aheadStepCount).toBeGreaterThan(answer.length / 2);
  });

  it("leaves prompts their part of a step", async () => {
    const limits = { maxTokensPerStep: 8, maxRunningSequences: 4 };
    const { engine } = createEngineFixture(
      { logits: scriptedLogits(prompt.length, bytesOf(answer.repeat(2))) },
      { limits, speculation },
    );
    const first = engine.generate({ promptTokenIds: bytesOf(prompt) }).result();
    const second = engine.generate({ promptTokenIds: bytesOf("x".repeat(40)), promptLogprobs: 0 }).result();
    const [{ choices }, { promptLogprobs }] = await Promise.all([first, second]);
    expect(choices[0]?.text).toBe(answer.repeat(2).slice(0, 128 - prompt.length));
    expect(promptLogprobs).toHaveLength(40);
  });
});

it("refuses a prediction that is longer than the context, and tokens that there are not", async () => {
  const message = async (predictedTokenIds: unknown): Promise<string> =>
    generate({ predictedTokenIds: predictedTokenIds as number[] }).then(
      () => "answered",
      (error: unknown) => (error as Error).message,
    );
  expect(await message(Array.from({ length: 129 }, () => 1))).toBe(
    "`predictedTokenIds`: expected at most 128 tokens, the model's context, got 129",
  );
  expect(await message([1, 300])).toBe("`predictedTokenIds[1]`: expected a token id from 0 to 256, got 300");
  expect(await message("text")).toBe('`predictedTokenIds`: expected an array of token ids, got "text"');
  expect(await message([])).toBe("answered");
});

it.each([
  [{ maxTokens: 0 }, "`speculation.maxTokens`: expected an integer from 1 to 64, got 0"],
  [{ maxSequences: 0.5 }, "`speculation.maxSequences`: expected an integer of at least 1, got 0.5"],
  [{ createProposer: "ngram" }, '`speculation.createProposer`: expected a function, got "ngram"'],
  [
    { tokens: 1 },
    '`speculation`: expected fields among createProposer, maxTokens, maxSequences, got "tokens"',
  ],
])("refuses the options %j", (options, message) => {
  expect(() => createEngineFixture({}, { speculation: options as never })).toThrow(message);
});
