import { expect, it } from "vitest";
import type { GenerationRequest } from "../../src/index.ts";
import { bytesOf, createEngineFixture, eosTokenId, scriptedLogits } from "../support/engine-fixture.ts";
import { createTextConstraint } from "../support/text-constraint.ts";

const promptTokenIds = bytesOf("Once");
const texts = ["yes", "yes, it is", "no"];
const constraint = createTextConstraint(texts);

it("generates allowed texts only, for any seed, temperature and number of answers", async () => {
  const { engine } = createEngineFixture();
  const streams = Array.from({ length: 60 }, (_, seed) =>
    engine.generate({ promptTokenIds, n: 3, sampling: { seed, temperature: seed % 3 }, constraint }),
  );
  const results = await Promise.all(streams.map((stream) => stream.result()));
  const choices = results.flatMap((result) => result.choices);
  expect(new Set(choices.map(({ text }) => text))).toEqual(new Set(texts));
  expect(new Set(choices.map(({ finishReason }) => finishReason))).toEqual(new Set(["stop"]));
});

it("ends where nothing can follow, without computing the end-of-sequence token", async () => {
  const { engine, executor } = createEngineFixture({
    logits: scriptedLogits(promptTokenIds.length, bytesOf("no, it is not")),
  });
  const { choices, usage } = await engine
    .generate({ promptTokenIds, sampling: { temperature: 0 }, constraint })
    .result();
  expect(choices[0]).toMatchObject({ text: "no", finishReason: "stop", tokenIds: bytesOf("no") });
  expect(usage.completionTokens).toBe(2);
  expect(executor.batches).toHaveLength(2);
});

it("goes on where the model does, and ends with its end-of-sequence token where it is complete", async () => {
  const answer = async (script: string): Promise<unknown> => {
    const { engine } = createEngineFixture({
      logits: scriptedLogits(promptTokenIds.length, bytesOf(script)),
    });
    const request: GenerationRequest = { promptTokenIds, sampling: { temperature: 0 }, constraint };
    return (await engine.generate(request).result()).choices[0];
  };
  expect(await answer("yes")).toMatchObject({ text: "yes", tokenIds: [...bytesOf("yes"), eosTokenId] });
  expect(await answer("yes, it is")).toMatchObject({ text: "yes, it is", finishReason: "stop" });
  // The model wants to end before the answer may.
  expect(await answer("ye")).toMatchObject({ text: "yes", finishReason: "stop" });
});

it("says `length` for an answer that is cut off, and `stop` for one that is whole at its last token", async () => {
  const { engine } = createEngineFixture();
  const reasons = async (maxTokens: number): Promise<unknown> => {
    const { choices } = await engine
      .generate({ promptTokenIds, stopping: { maxTokens }, constraint: createTextConstraint(["abcd"]) })
      .result();
    return choices.map(({ text, finishReason }) => [text, finishReason]);
  };
  expect(await reasons(3)).toEqual([["abc", "length"]]);
  expect(await reasons(4)).toEqual([["abcd", "stop"]]);
});

it("does not change the answers of other requests in its batch", async () => {
  const other: GenerationRequest = { promptTokenIds, sampling: { seed: 5 }, stopping: { maxTokens: 40 } };
  const alone = await createEngineFixture().engine.generate(other).result();
  const { engine } = createEngineFixture();
  const constrained = engine.generate({ promptTokenIds, sampling: { seed: 5 }, constraint });
  const beside = await engine.generate(other).result();
  await constrained.result();
  expect(beside.choices).toEqual(alone.choices);
});

it("fails a request whose constraint leads nowhere, and no other", async () => {
  const { engine } = createEngineFixture();
  const nowhere = { ...createTextConstraint([""]).start(), isComplete: false, isFinished: false };
  const failed = engine.generate({ promptTokenIds, constraint: { start: () => nowhere } }).result();
  const other = engine.generate({ promptTokenIds, stopping: { maxTokens: 3 } }).result();
  await expect(failed).rejects.toMatchObject({ code: "CONSTRAINT_DEAD_END" });
  expect((await other).choices).toHaveLength(1);
});

it("refuses what is no constraint", () => {
  const { engine } = createEngineFixture();
  const request = { promptTokenIds, constraint: { json: true } } as unknown as GenerationRequest;
  expect(() => engine.generate(request)).toThrow(
    expect.objectContaining({ code: "INVALID_REQUEST", param: "constraint" }),
  );
});

it("never generates a banned sequence of tokens, and goes around it", async () => {
  const { engine } = createEngineFixture({
    logits: scriptedLogits(promptTokenIds.length, bytesOf("abcabd")),
  });
  const answer = async (bannedSequences: number[][]): Promise<string | undefined> => {
    const sampling = { temperature: 0, bannedSequences };
    const { choices } = await engine
      .generate({ promptTokenIds, sampling, stopping: { maxTokens: 6, ignoreEos: true } })
      .result();
    return choices[0]?.text;
  };
  expect(await answer([])).toBe("abcabd");
  expect(await answer([bytesOf("abd")])).not.toContain("abd");
  expect(await answer([bytesOf("b")])).not.toContain("b");
});

it.each([
  ["sampling.allowedTokenIds", { allowedTokenIds: [] }],
  ["sampling.allowedTokenIds[1]", { allowedTokenIds: [3, 9999] }],
  ["sampling.bannedSequences[0]", { bannedSequences: [[]] }],
  ["sampling.bannedSequences[0][1]", { bannedSequences: [[3, -1]] }],
])("refuses %s that cannot be met", (param, sampling) => {
  const { engine } = createEngineFixture();
  expect(() => engine.generate({ promptTokenIds, sampling })).toThrow(
    expect.objectContaining({ code: "INVALID_REQUEST", param }),
  );
});
