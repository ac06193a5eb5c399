import assert from "node:assert/strict";
import type { InferenceErrorCode } from "../errors.ts";
import type { ForwardBatch, KvStorage } from "../executors/executor.ts";
import { assertRejects, longest } from "./assertions.ts";
import type { CaseContext } from "./executor-cases.ts";
import { GreedySequence } from "./forward-driver.ts";

/** Cases of calls that an executor refuses. */
export const refusalCases: Readonly<Record<string, (context: CaseContext) => Promise<void>>> = {
  "refuses an invalid batch and is not changed by it": async ({ create, prompts }) => {
    const driver = await create({ maxSequences: 2 });
    const { executor } = driver;
    const prompt = longest(prompts);
    const sequence = new GreedySequence(driver, prompt.tokenIds);
    await driver.step([sequence]);
    const held = prompt.tokenIds.length;
    const { maxLogitRows, plan, vocabSize } = executor;
    const good = driver.batchOf([{ sequence: sequence.cached, startPosition: held, tokenIds: [1] }]);
    const numbers = (...values: readonly number[]): Int32Array => Int32Array.from(values);
    const ones = new Int32Array(plan.contextTokens).fill(1);
    const long = { tokenIds: ones, lengths: numbers(ones.length) };
    const refused: readonly [InferenceErrorCode, Partial<ForwardBatch>][] = [
      ["INVALID_BATCH", { tokenIds: numbers(vocabSize) }],
      ["INVALID_BATCH", { tokenIds: numbers(-1) }],
      ["INVALID_BATCH", { tokenIds: numbers() }],
      ["INVALID_BATCH", { lengths: numbers(0) }],
      ["INVALID_BATCH", { startPositions: numbers(-1) }],
      ["INVALID_BATCH", { logitCounts: numbers(2) }],
      ["INVALID_BATCH", { logitCounts: numbers(-1) }],
      ["CONTEXT_LENGTH_EXCEEDED", long],
      ...misplaced(executor.kvStorage, good),
    ];
    for (const [code, part] of refused) {
      await assertRejects(() => executor.forward(Object.assign({}, good, part)), code);
    }
    const tooMany = maxLogitRows + 1;
    if (held + tooMany <= plan.contextTokens) {
      const rows = { tokenIds: ones, lengths: numbers(tooMany), logitCounts: numbers(tooMany) };
      const other = driver.admit();
      const chunk = { sequence: other, startPosition: 0, tokenIds: [...ones.subarray(0, tooMany)] };
      const batch = { ...driver.batchOf([chunk]), ...rows };
      await assertRejects(() => executor.forward(batch), "INVALID_BATCH");
    }
    for (let step = 1; step < 8; step += 1) await driver.step([sequence]);
    assert.deepEqual(sequence.generated, prompt.greedyTokenIds.slice(0, 8));
  },

  "runs one forward at a time": async ({ create, prompts }) => {
    const driver = await create({ maxSequences: 1 });
    const chunk = { sequence: driver.admit(), startPosition: 0, tokenIds: longest(prompts).tokenIds };
    const first = driver.forward([chunk]);
    await assertRejects(() => driver.forward([chunk]), "INVALID_BATCH");
    assert.equal((await first).rowCount, 1);
  },

  "finishes a running forward before it is disposed, and runs none after": async ({ create, prompts }) => {
    const driver = await create({ maxSequences: 1 });
    const { executor } = driver;
    const chunk = { sequence: driver.admit(), startPosition: 0, tokenIds: longest(prompts).tokenIds };
    const last = driver.forward([chunk]);
    await Promise.all([executor.dispose(), executor.dispose()]);
    assert.equal((await last).rowCount, 1);
    await assertRejects(() => driver.forward([chunk]), "EXECUTOR_DISPOSED");
  },
};

/** Batches whose sequences are where none can be. */
function misplaced(
  storage: KvStorage,
  { slots, blockTables = new Int32Array() }: ForwardBatch,
): readonly [InferenceErrorCode, Partial<ForwardBatch>][] {
  const two = {
    chunkCount: 2,
    startPositions: new Int32Array(2),
    lengths: Int32Array.of(1, 1),
    logitCounts: Int32Array.of(1, 1),
    tokenIds: Int32Array.of(1, 1),
  };
  if (storage.layout === "slots") {
    return [
      ["INVALID_BATCH", { slots: Int32Array.of(storage.slotCount) }],
      ["INVALID_BATCH", { slots: Int32Array.of(-1) }],
      // A chunk of one token must be in the first slots.
      ["INVALID_BATCH", { slots: Int32Array.of(1) }],
      ["INVALID_BATCH", { ...two, slots: Int32Array.of(slots[0]!, slots[0]!) }],
    ];
  }
  const { pageCount } = storage;
  return [
    ["INVALID_BATCH", { blockTables: blockTables.map(() => pageCount) }],
    ["INVALID_BATCH", { blockTables: blockTables.map(() => -1) }],
    ["INVALID_BATCH", { blockTableStride: 0 }],
    ["INVALID_BATCH", { blockTables: new Int32Array() }],
    // Two that write to the same page.
    [
      "INVALID_BATCH",
      { ...two, blockTables: Int32Array.of(blockTables[0]!, blockTables[0]!), blockTableStride: 1 },
    ],
  ];
}
