import assert from "node:assert/strict";
import type { Executor, ForwardBatch } from "../executors/executor.ts";
import type { RowSampling } from "../executors/row-sampling.ts";
import type { CaseContext, GoldenPrompt } from "./executor-cases.ts";
import type { ForwardDriver, SequenceChunk } from "./forward-driver.ts";

/** Cases of executors that run ahead; most hold of the others as they are. */
export const aheadCases: Readonly<Record<string, (context: CaseContext) => Promise<void>>> = {
  "takes tokens from the rows of a forward that still runs": async ({ create, prompts }) => {
    // One pass for all chunks of a forward, and several.
    for (const maxChunkTokens of [256, 5]) {
      const driver = await create({ maxSequences: prompts.length, maxChunkTokens });
      if (driver.executor.canRunAhead !== true) return;
      const generated = await generateAhead(driver, prompts);
      const expected = prompts.map((prompt, at) => prompt.greedyTokenIds.slice(0, generated[at]!.length));
      assert.deepEqual(generated, expected);
    }
  },

  "begins no forward behind one whose logits are returned, nor a third one": async ({ create, prompts }) => {
    const { executor, ...driver } = await driverOf(create);
    const [first] = prompts;
    const batch = driver.batchOf(first!.tokenIds);
    const running = executor.forward(batch);
    await assert.rejects(executor.forward(batch), { code: "INVALID_BATCH" });
    await running;
    const tokenSources = new Int32Array(first!.tokenIds.length);
    await assert.rejects(executor.forward({ ...batch, tokenSources }), { code: "INVALID_BATCH" });
    if (executor.canRunAhead !== true) return;
    const sampling = likeliestOf(1, executor.vocabSize);
    const two = [executor.forward({ ...batch, sampling }), executor.forward({ ...batch, sampling })];
    await assert.rejects(executor.forward(batch), { code: "INVALID_BATCH" });
    await Promise.all(two);
  },
};

/** An executor for one sequence, and batches of the beginning of it. */
async function driverOf(create: CaseContext["create"]): Promise<{
  readonly executor: Executor;
  readonly batchOf: (tokenIds: readonly number[]) => ForwardBatch;
}> {
  const driver = await create({ maxSequences: 1 });
  const sequence = driver.admit();
  return {
    executor: driver.executor,
    batchOf: (tokenIds) => driver.batchOf([{ sequence, startPosition: 0, tokenIds }]),
  };
}

/** Generates greedily, each forward begun while the one before it runs; in a later one a sequence begins again. */
async function generateAhead(driver: ForwardDriver, prompts: readonly GoldenPrompt[]): Promise<number[][]> {
  const { executor } = driver;
  const tokenCount = Math.min(8, ...prompts.map(({ greedyTokenIds }) => greedyTokenIds.length));
  const generated: number[][] = prompts.map(() => []);
  const sequences = prompts.map(() => driver.admit());
  /** Which prompt each row of the last forward is of. */
  let order: readonly number[] = prompts.map((_, at) => at);
  const whole = (at: number): SequenceChunk => ({
    sequence: sequences[at]!,
    startPosition: 0,
    tokenIds: prompts[at]!.tokenIds,
  });
  const sampling = likeliestOf(prompts.length, executor.vocabSize);
  let running = executor.forward({ ...driver.batchOf(order.map(whole)), sampling });
  for (let step = 0; step < tokenCount; step += 1) {
    const rows = order;
    // In another order than the rows.
    order = rows.toReversed();
    const isAgain = (at: number): boolean => step === 2 && at === 0;
    const chunks = order.map((at) => {
      const startPosition = prompts[at]!.tokenIds.length + step;
      return isAgain(at) ? whole(at) : { sequence: sequences[at]!, startPosition, tokenIds: [0] };
    });
    const sources = order.flatMap((at) =>
      isAgain(at) ? prompts[at]!.tokenIds.map(() => -1) : [rows.indexOf(at)],
    );
    const batch = { ...driver.batchOf(chunks), tokenSources: Int32Array.from(sources), sampling };
    const ahead = executor.forward(batch);
    const result = await running;
    for (const [row, at] of rows.entries()) if (!isDone(at, step)) generated[at]!.push(result.tokenId!(row));
    running = ahead;
  }
  await running;
  return generated;
}

/** The first prompt begins again at step 2. */
function isDone(at: number, step: number): boolean {
  return at === 0 && step > 2;
}

/** Takes the likeliest token of each row. */
function likeliestOf(rowCount: number, tokenCount: number): RowSampling {
  return {
    isSampled: new Uint8Array(rowCount).fill(1),
    temperatures: new Float64Array(rowCount),
    exponentFloors: new Float64Array(rowCount).fill(-50),
    topKs: new Int32Array(rowCount),
    topPs: new Float64Array(rowCount).fill(1),
    uniforms: new Float64Array(rowCount),
    tokenCount,
  };
}
