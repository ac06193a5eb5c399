import assert from "node:assert/strict";
import type { ForwardBatch, PagedStorage } from "../executors/executor.ts";
import { aheadCases } from "./ahead-cases.ts";
import { assertClose, assertGenerated, longest } from "./assertions.ts";
import type { CaseContext, GoldenPrompt } from "./executor-cases.ts";
import { type Chunk, type ForwardDriver, GreedySequence } from "./forward-driver.ts";

/** Tokens of a sequence, and all its pages. */
interface PagedChunk extends Chunk {
  readonly pageIds: readonly number[];
}

/** Cases of KV storage in pages: it reads and writes where the block tables say. */
export const pageCases: Readonly<Record<string, (context: CaseContext) => Promise<void>>> = {
  "finds positions through a block table in any order": async ({ create, prompts, tolerance }) => {
    const driver = await create({ maxSequences: 2 });
    const { pageCount, pageTokens } = pagesOf(driver);
    const { tokenIds, logits } = longest(prompts);
    const other = prompts.find((prompt) => prompt.tokenIds !== tokenIds)!;
    const all = Array.from({ length: pageCount }, (_, page) => page);
    const used = Math.ceil(tokenIds.length / pageTokens);
    const orders = [all.toReversed(), [...all.slice(1), 0], all.toSorted((a, b) => (a % 2) - (b % 2))];
    // Each order finds what the one before left in its pages.
    for (const order of orders) {
      const rows = await runPaged(driver, [
        { pageIds: order.slice(used, 2 * used), startPosition: 0, tokenIds: other.tokenIds },
        { pageIds: order.slice(0, used), startPosition: 0, tokenIds },
      ]);
      assertClose(rows[0], other.logits.at(-1), tolerance);
      assertClose(rows[1], logits.at(-1), tolerance);
    }
  },

  "computes prompts that end anywhere in a page, in chunks that begin anywhere": async (context) => {
    const { create, prompts, tolerance } = context;
    const driver = await create({ maxSequences: 1 });
    const { pageTokens } = pagesOf(driver);
    const { tokenIds, logits, firstPosition } = longest(prompts);
    for (let length = tokenIds.length; length > firstPosition; length -= 1) {
      const split = length % (pageTokens + 3);
      const parts = [tokenIds.slice(0, split), tokenIds.slice(split, length)];
      const chunks = parts
        .map((part, at) => ({ startPosition: at * split, tokenIds: part }))
        .filter((chunk) => chunk.tokenIds.length > 0);
      const rows = await driver.runAlone(chunks);
      assertClose(rows.at(-1), logits[length - 1 - firstPosition], tolerance);
    }
  },

  "reads pages of a prefix that several sequences share, and writes the rest apart": async (context) => {
    const { create, prompts, tolerance } = context;
    const driver = await create({ maxSequences: 4 });
    const { pageTokens, isShareable = true } = pagesOf(driver);
    if (!isShareable) return;
    const prompt = longest(prompts);
    const { tokenIds, logits } = prompt;
    const sharedTokens = sharedTokensOf(prompt, pageTokens);
    const first = new GreedySequence(driver, tokenIds, driver.admitPrompt(tokenIds));
    await driver.step([first]);
    const others = otherEnds(prompt, sharedTokens);
    const alone = [];
    for (const other of others) {
      alone.push((await driver.runAlone([{ startPosition: 0, tokenIds: other }]))[0]);
    }
    const sequences = others.map((other) => driver.admitPrompt(other));
    const twin = new GreedySequence(driver, tokenIds, driver.admitPrompt(tokenIds));
    const chunks = sequences.map((sequence, at) => {
      assert.ok(sequence.tokenCount >= sharedTokens);
      const startPosition = sequence.tokenCount;
      return { sequence, startPosition, tokenIds: others[at]!.slice(startPosition) };
    });
    const twinChunk = twin.nextChunk();
    assert.ok(twinChunk.startPosition >= sharedTokens);
    const rows = await driver.run([...chunks, twinChunk]);
    for (const [at, row] of rows.splice(0, others.length).entries()) assertClose(row, alone[at], tolerance);
    assertClose(rows[0], logits.at(-1), tolerance);
    twin.advance(twinChunk, rows[0]);
    for (let step = 0; step < 2 * pageTokens; step += 1) {
      if (first.generated.length >= prompt.greedyTokenIds.length) break;
      await driver.step([first, twin]);
    }
    assertGenerated([first, twin], [prompt, prompt]);
  },

  "keeps pages of released sequences for others that begin with their tokens": async (context) => {
    const { create, prompts, tolerance } = context;
    const driver = await create({ maxSequences: 1 });
    const { pageTokens, isShareable = true } = pagesOf(driver);
    if (!isShareable) return;
    const prompt = longest(prompts);
    const { tokenIds, logits } = prompt;
    const first = new GreedySequence(driver, tokenIds, driver.admitPrompt(tokenIds));
    for (let step = 0; step < 3; step += 1) await driver.step([first]);
    first.release();
    assert.equal(driver.kvCache.usage(), 0);
    const again = driver.admitPrompt(tokenIds);
    const startPosition = again.tokenCount;
    assert.ok(startPosition >= sharedTokensOf(prompt, pageTokens));
    const rest = { startPosition, tokenIds: tokenIds.slice(startPosition) };
    const [row] = await driver.run([{ sequence: again, ...rest }]);
    assertClose(row, logits.at(-1), tolerance);
  },

  "writes rejected proposals over the ends of pages, and goes on before them": async (context) => {
    const { create, prompts } = context;
    const driver = await create({ maxSequences: 2 });
    const { pageTokens } = pagesOf(driver);
    const { vocabSize, maxLogitRows } = driver.executor;
    const prompt = longest(prompts);
    const neighbour = new GreedySequence(driver, prompt.tokenIds);
    const sequence = new GreedySequence(driver, prompt.tokenIds);
    await driver.step([sequence, neighbour]);
    const proposalCount = Math.min(pageTokens + 1, maxLogitRows - 1);
    for (let round = 0; round < 4; round += 1) {
      const next = prompt.greedyTokenIds.slice(sequence.generated.length, -1).slice(0, proposalCount);
      const proposals = next.map((id, at) => (at < round ? id : (id + 1) % vocabSize));
      if (proposals.length === 0) break;
      const rows = await driver.run([sequence.proposalChunk(proposals)]);
      sequence.verify(proposals, rows);
      await driver.step([neighbour, sequence]);
    }
    assertGenerated([sequence, neighbour], [prompt, prompt]);
  },

  ...aheadCases,
};

function pagesOf({ executor }: ForwardDriver): PagedStorage {
  const { kvStorage } = executor;
  assert.ok(kvStorage.layout === "pages", "expected storage in pages, got slots");
  return kvStorage;
}

/** Tokens of a prompt that another sequence with the same ones shares. */
function sharedTokensOf({ tokenIds }: GoldenPrompt, pageTokens: number): number {
  const sharedTokens = tokenIds.length - 1 - ((tokenIds.length - 1) % pageTokens);
  assert.ok(sharedTokens > 0, `expected a prompt of more than ${pageTokens} tokens, got ${tokenIds.length}`);
  return sharedTokens;
}

/** Two prompts that begin with the first tokens of one and end otherwise. */
function otherEnds({ tokenIds }: GoldenPrompt, sharedTokens: number): readonly number[][] {
  const start = tokenIds.slice(0, sharedTokens);
  return [
    [...start, ...tokenIds.toReversed()],
    [...start, tokenIds[0]!, tokenIds[1]!],
  ];
}

/** Runs chunks as one forward in the given pages; returns copies of the rows of logits. */
async function runPaged({ executor }: ForwardDriver, chunks: readonly PagedChunk[]): Promise<Float32Array[]> {
  const blockTableStride = Math.max(...chunks.map(({ pageIds }) => pageIds.length));
  const blockTables = new Int32Array(chunks.length * blockTableStride).fill(-1);
  for (const [at, { pageIds }] of chunks.entries()) blockTables.set(pageIds, at * blockTableStride);
  const batch: ForwardBatch = {
    chunkCount: chunks.length,
    slots: new Int32Array(),
    blockTables,
    blockTableStride,
    startPositions: Int32Array.from(chunks, (chunk) => chunk.startPosition),
    lengths: Int32Array.from(chunks, (chunk) => chunk.tokenIds.length),
    logitCounts: Int32Array.from(chunks, (chunk) => chunk.logitCount ?? 1),
    tokenIds: Int32Array.from(chunks.flatMap((chunk) => chunk.tokenIds)),
  };
  const result = await executor.forward(batch);
  return Array.from({ length: result.rowCount }, (_, row) => result.row(row).slice());
}
