import assert from "node:assert/strict";
import type { Executor, KvStorage } from "../executors/executor.ts";
import type { ExecutorSizes } from "../executors/executor-provider.ts";
import { assertClose, assertGenerated, longest } from "./assertions.ts";
import { type Chunk, ForwardDriver, GreedySequence } from "./forward-driver.ts";
import { pageCases } from "./page-cases.ts";
import { refusalCases } from "./refusal-cases.ts";
import { samplingCases } from "./sampling-cases.ts";
import { slotCases } from "./slot-cases.ts";

/** A case that throws if it does not hold; run it in any test framework. */
export interface ConformanceCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Results of a reference implementation for one prompt. */
export interface GoldenPrompt {
  readonly tokenIds: readonly number[];
  /** Logits after position `firstPosition` and each later one of the prompt. */
  readonly logits: readonly Float32Array[];
  readonly firstPosition: number;
  /** Greedy continuation, end-of-sequence tokens included. */
  readonly greedyTokenIds: readonly number[];
}

/** Options of `executorCases`. */
export interface ExecutorConformanceOptions {
  /** Creates an executor for one case, which disposes it. It may split chunks above `maxChunkTokens`. */
  readonly create: (sizes: ExecutorSizes) => Promise<Executor>;
  /** At least three prompts, one of them longer than 16 tokens; all with their greedy tokens fit the context. */
  readonly prompts: readonly GoldenPrompt[];
  /** Largest difference of logits, relative to the largest logit. [1e-4] */
  readonly tolerance?: number;
  /** How the executor stores keys and values. [`slots`] */
  readonly kvLayout?: KvStorage["layout"];
}

/** The context of a case. */
export interface CaseContext {
  readonly create: (sizes: ExecutorSizes) => Promise<ForwardDriver>;
  readonly prompts: readonly GoldenPrompt[];
  readonly tolerance: number;
}

/** Lists the cases that every executor must pass. They are independent of each other. */
export function executorCases(options: ExecutorConformanceOptions): readonly ConformanceCase[] {
  const { prompts, tolerance = 1e-4, kvLayout = "slots" } = options;
  const storageCases = kvLayout === "slots" ? slotCases : pageCases;
  return Object.entries({ ...bodies, ...storageCases }).map(([name, body]) => ({
    name,
    async run() {
      const made: Executor[] = [];
      const create = async (sizes: ExecutorSizes): Promise<ForwardDriver> => {
        const executor = await options.create(sizes);
        made.push(executor);
        return new ForwardDriver(executor);
      };
      try {
        await body({ create, prompts, tolerance });
      } finally {
        for (const executor of made) await executor.dispose();
      }
    },
  }));
}

const bodies: Readonly<Record<string, (context: CaseContext) => Promise<void>>> = {
  "computes the reference's logits after a whole prompt": async ({ create, prompts, tolerance }) => {
    const driver = await create({ maxSequences: 1 });
    for (const { tokenIds, logits } of prompts) {
      const [row] = await driver.runAlone([{ startPosition: 0, tokenIds }]);
      assertClose(row, logits.at(-1), tolerance);
    }
  },

  "computes the reference's logits after every token, one token at a time": async (context) => {
    const driver = await context.create({ maxSequences: 1 });
    for (const { tokenIds, logits, firstPosition } of context.prompts) {
      const chunks = tokenIds.map((tokenId, position) => ({
        startPosition: position,
        tokenIds: [tokenId],
      }));
      const rows = await driver.runAlone(chunks);
      for (const [index, expected] of logits.entries()) {
        assertClose(rows[firstPosition + index], expected, context.tolerance);
      }
    }
  },

  "returns logits after each token of a chunk, beside other chunks": async (context) => {
    const { create, prompts, tolerance } = context;
    const driver = await create({ maxSequences: 3, maxChunkTokens: 13 });
    const first = longest(prompts);
    const neighbours = [1, 2].map(() => new GreedySequence(driver, first.tokenIds));
    await driver.step(neighbours.slice(0, 1));
    const sequence = driver.admit();
    const chunkTokens = Math.max(1, driver.executor.maxLogitRows - neighbours.length);
    const rows: Float32Array[] = [];
    for (let start = 0; start < first.tokenIds.length; start += chunkTokens) {
      const tokenIds = first.tokenIds.slice(start, start + chunkTokens);
      const logitCount = tokenIds.length;
      const [decode, prefill] = neighbours.map((sequence) => sequence.nextChunk(5));
      assert.ok(decode !== undefined && prefill !== undefined);
      const all = { sequence, startPosition: start, tokenIds, logitCount };
      const answered = await driver.run([prefill, all, decode]);
      const prefillRow = prefill.logitCount === 1 ? answered.shift() : undefined;
      neighbours[1]?.advance(prefill, prefillRow);
      rows.push(...answered.splice(0, logitCount));
      neighbours[0]?.advance(decode, answered.shift());
      assert.equal(answered.length, 0);
    }
    for (const [index, expected] of first.logits.entries()) {
      assertClose(rows[first.firstPosition + index], expected, tolerance);
    }
    for (let step = 0; step < 4; step += 1) await driver.step(neighbours);
    const [decoded] = neighbours;
    assert.deepEqual(decoded?.generated, first.greedyTokenIds.slice(0, decoded?.generated.length));
  },

  "continues greedily as the reference does": async ({ create, prompts }) => {
    const driver = await create({ maxSequences: 1 });
    for (const prompt of prompts) {
      assert.deepEqual(await continueAlone(driver, prompt, Infinity), prompt.greedyTokenIds);
    }
  },

  "does not depend on how a prompt is chunked": async ({ create, prompts, tolerance }) => {
    const driver = await create({ maxSequences: 1, maxChunkTokens: 13 });
    for (const maxTokens of [1, 2, 7, 16, Infinity]) {
      for (const prompt of prompts) {
        const chunks: Chunk[] = [];
        for (let start = 0; start < prompt.tokenIds.length; start += maxTokens) {
          const tokenIds = prompt.tokenIds.slice(start, start + maxTokens);
          chunks.push({ startPosition: start, tokenIds });
        }
        const rows = await driver.runAlone(chunks);
        assertClose(rows.at(-1), prompt.logits.at(-1), tolerance);
      }
    }
  },

  "computes for each sequence of a batch what it computes for it alone": async ({ create, prompts }) => {
    const driver = await create({ maxSequences: prompts.length });
    const sequences = prompts.map((prompt) => new GreedySequence(driver, prompt.tokenIds));
    const stepCount = Math.max(...prompts.map((prompt) => prompt.greedyTokenIds.length));
    for (let step = 0; step < stepCount; step += 1) await driver.step(sequences);
    assertGenerated(sequences, prompts);
  },

  "takes sequences in and out at any step": async ({ create, prompts }) => {
    const driver = await create({ maxSequences: 3 });
    const waiting = prompts.flatMap((prompt) => [prompt, prompt]).map((prompt, id) => ({ prompt, id }));
    let running: { readonly prompt: GoldenPrompt; readonly sequence: GreedySequence; readonly id: number }[] =
      [];
    for (let step = 0; waiting.length > 0 || running.length > 0; step += 1) {
      // One joins at every other step while there is room; prompts are chunked among the decodes.
      const next = step % 2 === 0 && running.length < 3 ? waiting.shift() : undefined;
      if (next !== undefined) {
        running.push({ ...next, sequence: new GreedySequence(driver, next.prompt.tokenIds) });
      }
      await driver.step(
        running.map(({ sequence }) => sequence),
        9,
      );
      // The lengths differ, so that the first, the middle and the last of a batch leave.
      const isDone = ({ prompt, sequence, id }: (typeof running)[number]): boolean =>
        sequence.generated.length >= Math.min(prompt.greedyTokenIds.length, 5 + ((id * 11) % 30));
      for (const { prompt, sequence } of running.filter(isDone)) {
        assert.deepEqual(sequence.generated, prompt.greedyTokenIds.slice(0, sequence.generated.length));
        sequence.release();
      }
      running = running.filter((entry) => !isDone(entry));
    }
    assert.equal(driver.kvCache.usage(), 0);
  },

  "runs some of its sequences and does not change the others": async ({ create, prompts }) => {
    const driver = await create({ maxSequences: prompts.length });
    const sequences = prompts.map((prompt) => new GreedySequence(driver, prompt.tokenIds));
    await driver.step(sequences);
    for (let step = 0; step < 3 * sequences.length; step += 1) {
      // Each in turn is left out; the rest run in rotated order.
      const rotated = [
        ...sequences.slice(step % sequences.length),
        ...sequences.slice(0, step % sequences.length),
      ];
      await driver.step(rotated.slice(1));
    }
    assertGenerated(sequences, prompts);
  },

  "computes again from an earlier position": async ({ create, prompts, tolerance }) => {
    const driver = await create({ maxSequences: 1 });
    const { tokenIds, logits } = longest(prompts);
    const half = Math.floor(tokenIds.length / 2);
    const wrong = tokenIds.slice(half).toReversed();
    const rows = await driver.runAlone([
      { startPosition: 0, tokenIds: [...tokenIds.slice(0, half), ...wrong] },
      { startPosition: half, tokenIds: tokenIds.slice(half) },
    ]);
    assertClose(rows.at(-1), logits.at(-1), tolerance);
  },

  "verifies proposals of several sequences in one forward, and goes on after the accepted ones": async (
    context,
  ) => {
    const { create, prompts } = context;
    const driver = await create({ maxSequences: prompts.length });
    const sequences = prompts.map((prompt) => new GreedySequence(driver, prompt.tokenIds));
    await driver.step(sequences);
    const { maxLogitRows, vocabSize } = driver.executor;
    const mostProposals = Math.min(3, Math.floor(maxLogitRows / sequences.length) - 1);
    const acceptedCounts = new Set<number>();
    const restOf = ({ generated }: GreedySequence, index: number): readonly number[] =>
      prompts[index]?.greedyTokenIds.slice(generated.length) ?? [];
    for (let round = 0; sequences.every((each, index) => restOf(each, index).length > 5); round += 1) {
      // Correct up to a position that depends on round and sequence.
      const proposals = sequences.map((each, index) =>
        restOf(each, index)
          .slice(0, mostProposals)
          .map((id, at) => (at < (round + index) % 4 ? id : (id + 1) % vocabSize)),
      );
      const chunks = sequences.map((each, index) => each.proposalChunk(proposals[index] ?? []));
      const rows = await driver.run(chunks);
      for (const [index, sequence] of sequences.entries()) {
        const proposed = proposals[index] ?? [];
        acceptedCounts.add(sequence.verify(proposed, rows.splice(0, 1 + proposed.length)));
      }
      // One after the other, over the rejected ones.
      await driver.step(sequences);
    }
    assert.ok(acceptedCounts.size > Math.min(1, mostProposals));
    assertGenerated(sequences, prompts);
  },

  "keeps nothing of a released sequence for the next in its place": async (context) => {
    const { create, prompts, tolerance } = context;
    const driver = await create({ maxSequences: 2 });
    for (const { tokenIds, logits } of [...prompts, ...prompts.toReversed()]) {
      const [row] = await driver.runAlone([{ startPosition: 0, tokenIds }]);
      assertClose(row, logits.at(-1), tolerance);
    }
  },

  "returns rows of logits in the order of the batch": async (context) => {
    const { create, prompts, tolerance } = context;
    const driver = await create({ maxSequences: prompts.length });
    const sequences = prompts.map(() => driver.admit());
    const order = [...prompts.keys()].toReversed();
    const rows = await driver.run(
      order.map((index) => ({
        sequence: sequences[index] ?? driver.admit(),
        startPosition: 0,
        tokenIds: prompts[index]?.tokenIds ?? [],
        logitCount: index === 1 ? 0 : 1,
      })),
    );
    const withLogits = order.filter((index) => index !== 1);
    assert.equal(rows.length, withLogits.length);
    for (const [row, index] of withLogits.entries()) {
      assertClose(rows[row], prompts[index]?.logits.at(-1), tolerance);
    }
  },

  ...refusalCases,
  ...samplingCases,
};

async function continueAlone(
  driver: ForwardDriver,
  prompt: GoldenPrompt,
  maxTokens: number,
): Promise<number[]> {
  const sequence = new GreedySequence(driver, prompt.tokenIds);
  while (sequence.generated.length < prompt.greedyTokenIds.length) await driver.step([sequence], maxTokens);
  sequence.release();
  return sequence.generated;
}
