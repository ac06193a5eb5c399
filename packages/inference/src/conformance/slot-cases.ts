import assert from "node:assert/strict";
import { assertClose, assertRejects, longest } from "./assertions.ts";
import type { CaseContext } from "./executor-cases.ts";
import type { SlotStorage } from "../executors/executor.ts";
import { type ForwardDriver, GreedySequence } from "./forward-driver.ts";

/** Cases of KV storage in slots: it keeps and moves the contents of slots. */
export const slotCases: Readonly<Record<string, (context: CaseContext) => Promise<void>>> = {
  "copies the first tokens of a slot into another": async (context) => {
    const { create, prompts, tolerance } = context;
    const driver = await create({ maxSequences: 3 });
    const kvStorage = slotsOf(driver);
    const prompt = longest(prompts);
    const { tokenIds, logits } = prompt;
    const source = new GreedySequence(driver, tokenIds);
    const neighbour = new GreedySequence(driver, tokenIds.slice(0, 5));
    // Tokens that the source generated since, and the contents of the target, make no difference.
    for (let step = 0; step < 5; step += 1) await driver.step([source, neighbour]);
    for (const tokenCount of [tokenIds.length - 1, 0, 7]) {
      const target = driver.admit();
      await driver.run([{ sequence: target, startPosition: 0, tokenIds: tokenIds.toReversed() }]);
      const { slot: from } = source.cached;
      kvStorage.move({ from, to: target.slot, fromTokens: tokenCount, toTokens: 0 });
      const rest = { startPosition: tokenCount, tokenIds: tokenIds.slice(tokenCount) };
      const [row] = await driver.run([{ sequence: target, ...rest }]);
      assertClose(row, logits.at(-1), tolerance);
      driver.kvCache.release(target);
    }
    for (let step = 0; step < 5; step += 1) await driver.step([neighbour, source]);
    assert.deepEqual(source.generated, prompt.greedyTokenIds.slice(0, source.generated.length));
  },

  "shares the tokens of one sequence with others that have the same": async (context) => {
    const { create, prompts, tolerance } = context;
    const driver = await create({ maxSequences: 3 });
    const { kvCache } = driver;
    const { tokenIds, logits } = longest(prompts);
    const shared = Int32Array.from(tokenIds);
    const [first, second] = [0, 1].map(() => kvCache.admit(shared, tokenIds.length));
    assert.ok(first !== undefined && second !== undefined);
    await driver.run([{ sequence: first, startPosition: 0, tokenIds }]);
    const third = kvCache.admit(shared, tokenIds.length);
    assert.ok(third !== undefined);
    const startPosition = tokenIds.length - 1;
    assert.deepEqual([second.tokenCount, third.tokenCount], [startPosition, startPosition]);
    const last = tokenIds.slice(-1);
    const rows = await driver.run(
      [second, third].map((sequence) => ({ sequence, startPosition, tokenIds: last })),
    );
    for (const row of rows) assertClose(row, logits.at(-1), tolerance);
    assert.equal(rows.length, 2);
  },

  "refuses positions that it does not have, and moves during a forward": async ({
    create,
    prompts,
    tolerance,
  }) => {
    const driver = await create({ maxSequences: 2 });
    const kvStorage = slotsOf(driver);
    const { slotCount, slotTokens } = kvStorage;
    const good = { from: 0, to: 1, fromTokens: 1, toTokens: 0 };
    for (const part of [
      { from: -1 },
      { to: slotCount },
      { from: 0.5 },
      { fromTokens: slotTokens + 1 },
      { toTokens: -1 },
    ]) {
      await assertRejects(() => kvStorage.move({ ...good, ...part }), "INVALID_BATCH");
    }
    const { tokenIds, logits } = longest(prompts);
    const running = driver.run([{ sequence: driver.admit(), startPosition: 0, tokenIds }]);
    await assertRejects(() => kvStorage.move(good), "INVALID_BATCH");
    assertClose((await running)[0], logits.at(-1), tolerance);
  },
};

function slotsOf({ executor }: ForwardDriver): SlotStorage {
  const { kvStorage } = executor;
  assert.ok(kvStorage.layout === "slots", "expected storage in slots, got pages");
  return kvStorage;
}
