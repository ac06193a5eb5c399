import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createNgramProposer,
  type GenerationChoice,
  type GenerationRequest,
  type GenerationResult,
  type Proposer,
  type ProposerFactory,
  type TokenStream,
} from "../../src/index.ts";
import { createEngineFixture, fixtureVocabSize } from "../support/engine-fixture.ts";
import { createPagedExecutor } from "../support/paged-executor.ts";

const maxPromptTokens = 24;
const maxAnswerTokens = 24;
const longestTokens = maxPromptTokens + maxAnswerTokens;

const arrival = fc.record({
  arriveAt: fc.integer({ min: 0, max: 12 }),
  promptLength: fc.integer({ min: 1, max: maxPromptTokens }),
  maxTokens: fc.integer({ min: 0, max: maxAnswerTokens }),
  n: fc.integer({ min: 1, max: 4 }),
  seed: fc.integer({ min: 0, max: 5 }),
  promptLogprobs: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  /** In which forward the signal is aborted, and whether while it runs or after. */
  abortAt: fc.option(fc.integer({ min: 1, max: 25 })),
  isAbortedWithin: fc.boolean(),
});
type Arrival = typeof arrival extends fc.Arbitrary<infer T> ? T : never;

const sizes = fc
  .record({
    maxRunningSequences: fc.integer({ min: 1, max: 5 }),
    spareTokens: fc.integer({ min: 0, max: 12 }),
    maxChunkTokens: fc.integer({ min: 1, max: 17 }),
    spareLogitRows: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ maxRunningSequences, spareTokens, maxChunkTokens, spareLogitRows }) => ({
    executor: { maxSequences: maxRunningSequences, maxLogitRows: maxRunningSequences + spareLogitRows },
    limits: {
      maxTokensPerStep: maxRunningSequences + spareTokens,
      maxChunkTokens: Math.min(maxChunkTokens, maxRunningSequences + spareTokens),
    },
  }));

function requestOf({ promptLength, maxTokens, n, seed, promptLogprobs }: Arrival): GenerationRequest {
  return {
    promptTokenIds: Array.from({ length: promptLength }, (_, at) => (at * 31 + seed * 7) % 256),
    sampling: { seed, topP: 0.9 },
    stopping: { maxTokens: promptLogprobs === undefined ? Math.max(1, maxTokens) : maxTokens },
    n,
    ...(promptLogprobs === undefined ? {} : { promptLogprobs }),
  };
}

/** Reads a stream to its end, and puts the answers together from its deltas. */
async function read(stream: TokenStream): Promise<GenerationResult> {
  const texts: string[] = [];
  let deltaCount = 0;
  let promptLogprobs: GenerationResult["promptLogprobs"];
  for await (const delta of stream) {
    texts[delta.index] = (texts[delta.index] ?? "") + delta.text;
    if (delta.promptLogprobs !== undefined) {
      expect([deltaCount, delta.index]).toEqual([0, 0]);
      promptLogprobs = delta.promptLogprobs;
    }
    deltaCount += 1;
  }
  const result = await stream.result();
  expect(result.choices.map(({ text }) => text)).toEqual(texts);
  expect(result.promptLogprobs).toEqual(promptLogprobs);
  return result;
}

interface Answer {
  readonly choices: readonly GenerationChoice[];
  readonly promptLogprobs: GenerationResult["promptLogprobs"];
}

const answersAlone = new Map<string, Answer>();

/** What a request is answered when it has an engine for itself. */
async function answerAlone(arrival: Arrival): Promise<Answer> {
  const request = requestOf(arrival);
  const key = JSON.stringify(request);
  let answer = answersAlone.get(key);
  if (answer === undefined) {
    const { engine } = createEngineFixture();
    const { choices, promptLogprobs } = await engine.generate(request).result();
    answer = { choices, promptLogprobs };
    answersAlone.set(key, answer);
  }
  return answer;
}

/** Proposes what the answer will be, with wrong tokens among them. */
function createOracle(answers: ReadonlyMap<string, readonly (readonly number[])[]>): ProposerFactory {
  const start = (promptTokenIds: Int32Array): Proposer => {
    const accepted: number[] = [];
    return {
      accept: (tokenId) => void accepted.push(tokenId),
      propose: (into) => {
        const known = answers.get(promptTokenIds.join()) ?? [];
        const answer = known.find((each) => accepted.every((tokenId, at) => each[at] === tokenId)) ?? [];
        for (let at = 0; at < into.length; at += 1) {
          const tokenId = answer[accepted.length + at] ?? 0;
          into[at] = (accepted.length + 3 * at) % 7 === 6 ? (tokenId + 1) % fixtureVocabSize : tokenId;
        }
        return into.length;
      },
    };
  };
  return ({ promptTokenIds }) => ({ start: () => start(promptTokenIds) });
}

/** With storage in pages: few more than the longest sequence needs, so that sequences are preempted. */
const pages = fc.record({
  pageTokens: fc.integer({ min: 1, max: 6 }),
  sparePages: fc.integer({ min: 0, max: 4 }),
});

const names = [
  "preemptionCount",
  "prefixCacheHitTokenCount",
  "aheadStepCount",
  "memoryHeldStepCount",
  "proposalHeldStepCount",
  "proposedTokenCount",
  "confirmedTokenCount",
] as const;

describe.each([
  ["slots", false],
  ["pages", false],
  ["pages, ahead", false],
  ["slots", true],
  ["pages", true],
  ["pages, ahead", true],
] as const)("createEngine, with storage in %s and speculation %s", (layout, speculates) => {
  it("generates for every request what it would alone, and holds no memory at the end", async () => {
    const totals = {
      preemptionCount: 0,
      prefixCacheHitTokenCount: 0,
      aheadStepCount: 0,
      memoryHeldStepCount: 0,
      proposalHeldStepCount: 0,
      proposedTokenCount: 0,
      confirmedTokenCount: 0,
    };
    const canRunAhead = layout === "pages, ahead";
    const scenario = fc.record({
      arrivals: fc.array(arrival, { minLength: 1, maxLength: 8 }),
      sizes,
      pages,
      failAt: fc.option(fc.integer({ min: 1, max: 25 })),
      disposeAt: fc.option(fc.integer({ min: 1, max: 40 })),
      speculation: fc.record({
        maxTokens: fc.integer({ min: 1, max: 6 }),
        maxSequences: fc.integer({ min: 1, max: 5 }),
        isOracle: fc.boolean(),
      }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ arrivals, sizes, pages, failAt, disposeAt, speculation }) => {
        const answers = new Map<string, readonly (readonly number[])[]>();
        if (speculates) {
          for (const arrival of arrivals) {
            const { choices } = await answerAlone(arrival);
            const key = requestOf(arrival).promptTokenIds.join();
            answers.set(key, [...(answers.get(key) ?? []), ...choices.map(({ tokenIds }) => tokenIds)]);
          }
        }
        const { maxTokens, maxSequences, isOracle } = speculation;
        const createProposer = isOracle ? createOracle(answers) : createNgramProposer({ matchTokens: 1 });
        const controllers = arrivals.map(() => new AbortController());
        let forwardCount = 0;
        let disposal: Promise<void> | undefined;
        const abort = (isWithin: boolean): void => {
          for (const [index, { abortAt, isAbortedWithin }] of arrivals.entries()) {
            if (abortAt === forwardCount && isAbortedWithin === isWithin) controllers[index]?.abort("gone");
          }
        };
        const onForward = async (): Promise<void> => {
          forwardCount += 1;
          abort(true);
          if (disposeAt === forwardCount) disposal = engine.dispose();
          setImmediate(() => abort(false));
          // Some run for longer than the engine takes for the step before them.
          if (forwardCount % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
          await Promise.resolve();
          if (failAt === forwardCount) throw new Error("device lost");
        };
        const { pageTokens, sparePages } = pages;
        const pageCount = Math.ceil(longestTokens / pageTokens) + sparePages;
        const executorOptions = { ...sizes.executor, vocabSize: fixtureVocabSize, onForward };
        const { engine, events, memory } = createEngineFixture(executorOptions, {
          limits: sizes.limits,
          ...(speculates && { speculation: { createProposer, maxTokens, maxSequences } }),
          ...(layout !== "slots" && {
            executor: createPagedExecutor({ ...executorOptions, pageTokens, pageCount, canRunAhead }),
          }),
        });
        const outcomes: Promise<void>[] = [];
        const follow = async (stream: TokenStream, arrival: Arrival): Promise<void> => {
          try {
            const { choices, promptLogprobs } = await read(stream);
            expect({ choices, promptLogprobs }).toEqual(await answerAlone(arrival));
          } catch (reason) {
            const isAbort = reason === "gone" && arrival.abortAt !== null;
            const { code } = Object(reason) as { readonly code?: unknown };
            const isFailure = code === "EXECUTOR_FAILED" && failAt !== null;
            const isDisposal = code === "ENGINE_DISPOSED" && disposeAt !== null;
            if (!isAbort && !isFailure && !isDisposal) throw reason;
          }
        };
        for (let turn = 0; turn <= 12; turn += 1) {
          for (const [index, arrival] of arrivals.entries()) {
            if (arrival.arriveAt !== turn || disposal !== undefined) continue;
            const stream = engine.generate({
              ...requestOf(arrival),
              signal: controllers[index]?.signal ?? AbortSignal.abort(),
            });
            outcomes.push(follow(stream, arrival));
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
        await Promise.all(outcomes);
        // The last may have ended during a forward.
        await (disposal ?? engine.drain());
        expect(engine.stats()).toMatchObject({ waitingRequestCount: 0, waitingTokenCount: 0 });
        const stats = engine.stats();
        for (const name of names) totals[name] += stats[name];
        await (disposal ?? engine.dispose());
        expect(engine.stats().runningSequenceCount).toBe(0);
        expect(engine.stats().kvCacheUsage).toBe(0);
        expect(memory.liveBlockCount).toBe(0);
        const count = (name: string): number => events.filter(([each]) => each === name).length;
        expect(count("inference:request-finished")).toBe(count("inference:request-queued"));
      }),
      { seed: 11, numRuns: 200 },
    );
    const isPaged = layout !== "slots";
    expect([totals.preemptionCount > 20, totals.prefixCacheHitTokenCount > 500]).toEqual([isPaged, isPaged]);
    const { aheadStepCount, memoryHeldStepCount, proposalHeldStepCount } = totals;
    const leastHeld = speculates ? 5 : 20;
    expect([aheadStepCount > 500, memoryHeldStepCount > leastHeld]).toEqual([canRunAhead, canRunAhead]);
    expect(proposalHeldStepCount > 100).toBe(canRunAhead && speculates);
    const { proposedTokenCount, confirmedTokenCount } = totals;
    expect([proposedTokenCount > 200, confirmedTokenCount > 100]).toEqual([speculates, speculates]);
  });
});
