import { assert, asyncProperty, constantFrom, integer, record } from "fast-check";
import { expect, it } from "vitest";
import {
  compileConstraint,
  type ConstraintSource,
  createConstraint,
  createTokenMasks,
  createTokenTrie,
} from "../../src/constraint/index.ts";
import type { ConstraintPort, GenerationChoice, GenerationRequest } from "../../src/index.ts";
import { bytesOf, createEngineFixture, type EngineFixture } from "../support/engine-fixture.ts";

const promptTokenIds = bytesOf("Once");
/** A token is a byte: a text that must follow is as many tokens. */
const trie = createTokenTrie(Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)));

function constraintOf(source: ConstraintSource): ConstraintPort {
  return createConstraint(createTokenMasks(compileConstraint(source), trie));
}

const schema = {
  type: "object",
  properties: {
    name: { enum: ["fox", "fennec", "dog"] },
    legs: { type: "integer", minimum: 0, maximum: 99 },
  },
  required: ["name", "legs"],
  additionalProperties: false,
};
const animal = constraintOf({ jsonSchema: schema, whitespace: "compact" });

async function answersOf({ engine }: EngineFixture, request: GenerationRequest): Promise<unknown> {
  const { choices, usage } = await engine.generate(request).result();
  return { choices: choices.map(withoutLogprobs), completionTokens: usage.completionTokens };
}

function withoutLogprobs({ index, text, tokenIds, finishReason, stopReason }: GenerationChoice): object {
  return { index, text, tokenIds, finishReason, stopReason };
}

it("takes a text that must follow at once, and computes it with the token before the next one", async () => {
  const fixture = createEngineFixture();
  const request = { promptTokenIds, sampling: { seed: 1 }, constraint: animal };
  const { choices, usage } = await fixture.engine.generate(request).result();
  const text = choices[0]?.text ?? "";
  expect(schema.properties.name.enum).toContain((JSON.parse(text) as { name: string }).name);
  expect(choices[0]).toMatchObject({ finishReason: "stop", tokenIds: bytesOf(text) });
  expect(usage.completionTokens).toBe(text.length);
  const { batches } = fixture.executor;
  // All computed tokens are the prompt and the answer, without a part at its end that nothing depends on.
  const computed = batches.flatMap(({ tokenIds }) => tokenIds);
  expect(bytesOf(`Once${text}`).slice(0, computed.length)).toEqual(computed);
  expect(batches[1]?.tokenIds).toEqual(bytesOf('{"name":"'));
  expect(batches.length).toBeLessThan(12);
});

it("gives the same answers alone, beside others, and token by token", async () => {
  const sources: readonly ConstraintSource[] = [
    { jsonSchema: schema, whitespace: "compact" },
    { jsonSchema: schema },
    { choice: ["one way", "one wall", "another", "another one"] },
    { regex: "(abc[01]def){1,4}!" },
    { sequence: [{ literal: "long ".repeat(16) }, { choice: ["a", "b"] }] },
  ];
  const cases = record({
    source: constantFrom(...sources),
    seed: integer({ min: 0, max: 1000 }),
    temperature: constantFrom(0, 1, 2),
    maxTokens: integer({ min: 1, max: 90 }),
    minTokens: constantFrom(0, 1),
    presencePenalty: constantFrom(0, 1.5),
    stop: constantFrom<readonly string[]>([], ["legs"], ["ef1"], ["ng long"]),
    n: constantFrom(1, 2),
  });
  await assert(
    asyncProperty(cases, async ({ source, seed, temperature, presencePenalty, n, ...stopping }) => {
      const request: GenerationRequest = {
        promptTokenIds,
        constraint: constraintOf(source),
        sampling: { seed, temperature, presencePenalty },
        stopping,
        n,
      };
      const expected = await answersOf(createEngineFixture(), { ...request, logprobs: 1 });
      expect(await answersOf(createEngineFixture(), request)).toEqual(expected);
      const busy = createEngineFixture();
      const others = [3, 5, 7].map((other) =>
        busy.engine
          .generate({ promptTokenIds, sampling: { seed: other }, stopping: { maxTokens: 30 } })
          .result(),
      );
      expect(await answersOf(busy, request)).toEqual(expected);
      await Promise.all(others);
    }),
    { seed: 10, numRuns: 60 },
  );
});

it("reports the log-probability of every token where they are asked for", async () => {
  const { engine } = createEngineFixture();
  const request = { promptTokenIds, sampling: { seed: 1 }, constraint: animal, logprobs: 2 };
  const { choices } = await engine.generate(request).result();
  const [choice] = choices;
  expect(choice?.logprobs?.map(({ tokenId }) => tokenId)).toEqual(choice?.tokenIds);
  expect(choice?.logprobs?.every(({ logprob, top }) => logprob < 0 && top.length === 2)).toBe(true);
});

it("looks at every token where the request has a say in single ones", async () => {
  const constraint = constraintOf({ sequence: [{ literal: "abc" }, { choice: ["x", "y"] }] });
  const [b = 0] = bytesOf("b");
  const answer = (sampling: GenerationRequest["sampling"]): Promise<unknown> =>
    createEngineFixture()
      .engine.generate({ promptTokenIds, constraint, sampling: sampling ?? {} })
      .result();
  const allowed = answer({ allowedTokenIds: bytesOf("axyc") });
  await expect(allowed).rejects.toMatchObject({ code: "CONSTRAINT_DEAD_END" });
  await expect(answer({ bannedSequences: [[b]] })).rejects.toMatchObject({ code: "EXECUTOR_FAILED" });
});

it("streams the text that must follow with the token before it", async () => {
  const { engine } = createEngineFixture();
  const deltas: string[] = [];
  for await (const { text } of engine.generate({
    promptTokenIds,
    sampling: { seed: 1 },
    constraint: animal,
  })) {
    deltas.push(text);
  }
  expect(deltas[0]).toBe('{"name":"');
  expect(schema.properties.name.enum).toContain((JSON.parse(deltas.join("")) as { name: string }).name);
});
