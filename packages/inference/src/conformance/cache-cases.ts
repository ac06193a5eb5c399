import assert from "node:assert/strict";
import { assertClose, assertRejects, longest } from "./assertions.ts";
import type { CaseContext } from "./executor-cases.ts";
import { GreedySequence, runAlone, runChunks, stepAll } from "./forward-driver.ts";

/** What an executor's KV cache must do: take sequences in, let them go, and copy between them. */
export const cacheCases: Readonly<Record<string, (context: CaseContext) => Promise<void>>> = {
  "copies the first tokens of a sequence into the place of another": async (context) => {
    const { create, prompts, tolerance } = context;
    const executor = await create({ maxSequences: 3 });
    const { kvCache } = executor;
    const prompt = longest(prompts);
    const { tokenIds, logits } = prompt;
    const source = new GreedySequence(executor, 1, tokenIds);
    const neighbour = new GreedySequence(executor, 2, tokenIds.slice(0, 5));
    // What the source has said since, and what lies in the target, must not matter.
    for (let step = 0; step < 5; step += 1) await stepAll(executor, [source, neighbour]);
    for (const tokenCount of [tokenIds.length - 1, 0, 7]) {
      kvCache.acquire(3, kvCache.sequenceCapacityTokens);
      await runChunks(executor, [{ sequenceId: 3, startPosition: 0, tokenIds: tokenIds.toReversed() }]);
      kvCache.copyPrefix(1, 3, tokenCount);
      await assertRejects(
        () => runChunks(executor, [{ sequenceId: 3, startPosition: tokenCount + 1, tokenIds: [1] }]),
        "INVALID_BATCH",
      );
      const rest = { sequenceId: 3, startPosition: tokenCount, tokenIds: tokenIds.slice(tokenCount) };
      const [row] = await runChunks(executor, [rest]);
      assertClose(row, logits.at(-1), tolerance);
      kvCache.release(3);
    }
    for (let step = 0; step < 5; step += 1) await stepAll(executor, [neighbour, source]);
    assert.deepEqual(source.generated, prompt.greedyTokenIds.slice(0, source.generated.length));
    await assertRejects(() => kvCache.copyPrefix(1, 3, 1), "INVALID_BATCH");
    await assertRejects(() => kvCache.copyPrefix(3, 1, 0), "INVALID_BATCH");
    await assertRejects(() => kvCache.copyPrefix(2, 1, tokenIds.length), "INVALID_BATCH");
    const running = runChunks(executor, [source.nextChunk()]);
    await assertRejects(() => kvCache.copyPrefix(1, 2, 1), "INVALID_BATCH");
    await running;
  },

  "forgets what a released sequence left in the cache": async ({ create, prompts, tolerance }) => {
    const executor = await create({ maxSequences: 2 });
    for (const { tokenIds, logits } of [...prompts, ...prompts.toReversed()]) {
      const chunk = { sequenceId: 5, startPosition: 0, tokenIds };
      const [row] = await runAlone(executor, [chunk]);
      assertClose(row, logits.at(-1), tolerance);
    }
  },

  "fills up, and has room again after a release": async ({ create, prompts }) => {
    const executor = await create({ maxSequences: 2 });
    const { kvCache } = executor;
    assert.equal(kvCache.canAcquire(kvCache.sequenceCapacityTokens), true);
    assert.equal(kvCache.canAcquire(kvCache.sequenceCapacityTokens + 1), false);
    let count = 0;
    while (kvCache.canAcquire(kvCache.sequenceCapacityTokens))
      kvCache.acquire(count++, kvCache.sequenceCapacityTokens);
    assert.equal(count, 2);
    assert.ok(kvCache.usage() > 0 && kvCache.usage() <= 1);
    await assertRejects(() => kvCache.acquire(count, 1), "KV_CACHE_FULL");
    kvCache.release(0);
    const again = new GreedySequence(executor, count, longest(prompts).tokenIds);
    await stepAll(executor, [again]);
    assert.deepEqual(again.generated, longest(prompts).greedyTokenIds.slice(0, 1));
  },

  "ends what runs before a sequence is released": async ({ create, prompts, tolerance }) => {
    const executor = await create({ maxSequences: 1 });
    const { tokenIds, logits } = longest(prompts);
    for (const sequenceId of [1, 2]) {
      executor.kvCache.acquire(sequenceId, 8);
      const running = runChunks(executor, [{ sequenceId, startPosition: 0, tokenIds }]);
      executor.kvCache.release(sequenceId);
      assertClose((await running)[0], logits.at(-1), tolerance);
      assert.equal(executor.kvCache.usage(), 0);
    }
  },
};
