import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createScheduler,
  type PrefillLimits,
  type Scheduler,
  type SchedulerLimits,
} from "../../src/schedule/scheduler.ts";
import { type SchedulableSequence, StepBatch } from "../../src/schedule/step-batch.ts";
import { createKvCache } from "../../src/kv/create-kv-cache.ts";
import type { KvCache } from "../../src/kv/kv-cache.ts";

/** Ids of one prompt's sequences are apart by less. */
const family = 4;

interface TestSequence extends SchedulableSequence {
  readonly id: number;
  readonly generateCount: number;
  needsPromptLogits: boolean;
  pendingTokenIds: readonly number[];
  generatedCount: number;
  /** Every token whose keys and values it had, in order. */
  readonly computed: number[];
}

interface Rig {
  readonly scheduler: Scheduler<TestSequence>;
  readonly batch: StepBatch<TestSequence>;
  /** Runs one step as an engine would; answers the ids in it. */
  step(prefill?: PrefillLimits): number[];
  add(id: number, promptLength: number, generateCount: number): TestSequence;
  /** Adds another with the same prompt. */
  addSibling(id: number, sibling: TestSequence): TestSequence;
  /** Prompt tokens that were copied and not computed. */
  readonly copiedTokenCount: number;
}

function createRig(limits: Partial<SchedulerLimits> = {}, capacityTokens = 1000): Rig {
  const resolved = {
    maxTokensPerStep: 16,
    maxChunkTokens: 16,
    maxRunningSequences: 4,
    maxLogitRows: limits.maxRunningSequences ?? 4,
    ...limits,
  };
  let copiedTokenCount = 0;
  /** Tokens by slot. */
  const contents: number[][] = Array.from({ length: resolved.maxRunningSequences }, () => []);
  const slots = createKvCache({
    layout: "slots",
    slotCount: contents.length,
    slotTokens: capacityTokens,
    move: ({ from, to, fromTokens, toTokens }) => {
      const [moved, swapped] = [contents[from]!.slice(0, fromTokens), contents[to]!.slice(0, toTokens)];
      expect([moved.length, swapped.length]).toEqual([fromTokens, toTokens]);
      contents[to] = moved;
      if (toTokens > 0) contents[from] = swapped;
    },
  });
  // Over all sequences, as a cache in pages would count.
  const heldTokens = new Map<unknown, number>();
  const heldTokenCount = (): number => [...heldTokens.values()].reduce((sum, count) => sum + count, 0);
  const kvCache: KvCache = {
    ...slots,
    admit: (tokenIds, maxTokens) => {
      if (heldTokenCount() + maxTokens > capacityTokens) return undefined;
      const cached = slots.admit(tokenIds, maxTokens);
      if (cached !== undefined) heldTokens.set(cached, maxTokens);
      return cached;
    },
    release: (cached) => {
      expect(heldTokens.delete(cached)).toBe(true);
      slots.release(cached);
    },
  };
  const scheduler = createScheduler<TestSequence>(kvCache, resolved);
  const batch = new StepBatch<TestSequence>({
    maxChunks: resolved.maxRunningSequences,
    maxTokens: resolved.maxTokensPerStep,
  });
  const enter = (id: number, promptTokenIds: Int32Array, generateCount: number): TestSequence => {
    const sequence: TestSequence = {
      id,
      promptTokenIds,
      maxLengthTokens: promptTokenIds.length + generateCount,
      generateCount,
      needsPromptLogits: false,
      pendingTokenIds: [],
      dropPending: (count) => {
        sequence.pendingTokenIds = sequence.pendingTokenIds.slice(count);
      },
      generatedCount: 0,
      cached: undefined,
      computed: [],
    };
    scheduler.add(sequence);
    return sequence;
  };
  return {
    scheduler,
    batch,
    get copiedTokenCount() {
      return copiedTokenCount;
    },
    add: (id, promptLength, generateCount) =>
      enter(
        id,
        Int32Array.from({ length: promptLength }, (_, at) => id * 1000 + at),
        generateCount,
      ),
    addSibling: (id, { promptTokenIds, generateCount }) => enter(id, promptTokenIds, generateCount),
    step: (prefill) => {
      scheduler.schedule(batch, prefill);
      expect(batch.tokenCount).toBeLessThanOrEqual(resolved.maxTokensPerStep);
      let offset = 0;
      let rowCount = 0;
      for (const [chunk, sequence] of batch.sequences.entries()) {
        const length = batch.lengths[chunk]!;
        const [slot, start] = [batch.slots[chunk]!, batch.startPositions[chunk]!];
        const content = contents[slot]!;
        if (sequence.computed.length === 0) {
          sequence.computed.push(...content.slice(0, start));
          copiedTokenCount += start;
        }
        expect(slot).toBe(sequence.cached?.slot);
        expect(sequence.computed.every((tokenId, at) => content[at] === tokenId)).toBe(true);
        expect(start).toBe(sequence.computed.length);
        expect(length).toBeGreaterThan(0);
        expect(length).toBeLessThanOrEqual(resolved.maxChunkTokens);
        sequence.computed.push(...batch.tokenIds.subarray(offset, offset + length));
        contents[slot] = [...sequence.computed];
        offset += length;
        rowCount += Math.max(1, batch.logitCounts[chunk]!);
      }
      expect(rowCount).toBeLessThanOrEqual(resolved.maxLogitRows);
      expect(offset).toBe(batch.tokenCount);
      scheduler.advance(batch);
      const stepped = [...batch.sequences];
      for (const [chunk, sequence] of stepped.entries()) {
        const isPromptDone = sequence.computed.length >= sequence.promptTokenIds.length;
        const wanted = sequence.needsPromptLogits ? batch.lengths[chunk] : Number(isPromptDone);
        expect(batch.logitCounts[chunk]).toBe(wanted);
        if (!isPromptDone) continue;
        sequence.generatedCount += 1;
        sequence.pendingTokenIds = [sequence.id * 1000 + 500 + sequence.generatedCount];
        if (sequence.generatedCount === sequence.generateCount) scheduler.remove(sequence);
      }
      return stepped.map((sequence) => sequence.id);
    },
  };
}

/** What the executor must compute of a finished sequence: its prompt, then all generated tokens but the last. */
function expectedTokens(sequence: TestSequence): number[] {
  const generated = Array.from(
    { length: sequence.generateCount - 1 },
    (_, at) => sequence.id * 1000 + 501 + at,
  );
  return [...sequence.promptTokenIds, ...generated];
}

/** Runs one step, and answers how many tokens each sequence in it had. */
function stepLengths(rig: Rig, prefill: PrefillLimits): number[] {
  return rig.step(prefill).map((_, chunk) => rig.batch.lengths[chunk]!);
}

describe("createScheduler", () => {
  it("decodes first, then prefills with the rest of the budget, first come first served", () => {
    const rig = createRig({ maxTokensPerStep: 8 });
    rig.add(1, 5, 10);
    expect(rig.step()).toEqual([1]);
    rig.add(2, 9, 10);
    rig.add(3, 4, 10);
    expect(rig.step()).toEqual([1, 2]);
    expect([...rig.batch.lengths.subarray(0, 2)]).toEqual([1, 7]);
    expect(rig.step()).toEqual([1, 2, 3]);
    expect([...rig.batch.lengths.subarray(0, 3)]).toEqual([1, 2, 4]);
    expect(rig.step()).toEqual([1, 2, 3]);
    expect(rig.batch.prefillTokenCount).toBe(0);
  });

  it("prefills at most as many tokens as it is told, over all prompts", () => {
    const rig = createRig();
    const limits = { mixedTokens: 5, prefillOnlyTokens: 5 };
    rig.add(1, 3, 2);
    rig.add(2, 8, 2);
    expect(stepLengths(rig, limits)).toEqual([3, 2]);
    // A decode does not count.
    expect(stepLengths(rig, limits)).toEqual([1, 5]);
  });

  it("prefills more only while no sequence gets a token from the step", () => {
    const rig = createRig();
    const limits = { mixedTokens: 4, prefillOnlyTokens: 8 };
    const first = rig.add(1, 19, 3);
    rig.add(2, 13, 3);
    expect(stepLengths(rig, limits)).toEqual([8]);
    expect(stepLengths(rig, limits)).toEqual([8]);
    // The first gets its token: the second takes what such a step has left, in this one and in the next.
    expect(stepLengths(rig, limits)).toEqual([3, 1]);
    expect(stepLengths(rig, limits)).toEqual([1, 4]);
    rig.scheduler.remove(first);
    expect(stepLengths(rig, limits)).toEqual([8]);
  });

  it("adds nothing to a long chunk that ends its prompt", () => {
    const rig = createRig();
    const limits = { mixedTokens: 4, prefillOnlyTokens: 8 };
    rig.add(1, 6, 2);
    rig.add(2, 9, 1);
    expect(stepLengths(rig, limits)).toEqual([6]);
    expect(stepLengths(rig, limits)).toEqual([1, 4]);
  });

  it("chunks a prompt and leaves room for others", () => {
    const rig = createRig({ maxTokensPerStep: 8, maxChunkTokens: 5 });
    rig.add(1, 12, 1);
    rig.add(2, 2, 1);
    expect(rig.step()).toEqual([1, 2]);
    expect([...rig.batch.lengths.subarray(0, 2)]).toEqual([5, 2]);
    expect(rig.step()).toEqual([1]);
    expect(rig.step()).toEqual([1]);
    expect(rig.scheduler.runningCount).toBe(0);
  });

  it("never passes over the head of the queue", () => {
    const rig = createRig({}, 20);
    rig.add(1, 4, 6);
    rig.add(2, 4, 10); // 14 tokens: no room beside the first's 10
    rig.add(3, 2, 2); // would fit
    expect(rig.step()).toEqual([1]);
    expect(rig.scheduler).toMatchObject({ runningCount: 1, waitingCount: 2, waitingTokenCount: 6 });
    for (let at = 0; at < 5; at += 1) expect(rig.step()).toEqual([1]);
    expect(rig.step()).toEqual([2, 3]);
  });

  it("chunks a prompt that needs logits after every token by the rows of logits", () => {
    const rig = createRig({ maxRunningSequences: 3, maxLogitRows: 8 });
    rig.add(1, 4, 10);
    rig.step();
    rig.add(2, 9, 10).needsPromptLogits = true;
    rig.add(3, 2, 10).needsPromptLogits = true;
    // Three rows are kept for three sequences; five are left.
    expect(rig.step()).toEqual([1, 2, 3]);
    expect([...rig.batch.logitCounts.subarray(0, 3)]).toEqual([1, 6, 1]);
    expect(rig.step()).toEqual([1, 2, 3]);
    expect([...rig.batch.logitCounts.subarray(0, 3)]).toEqual([1, 3, 1]);
    const narrow = createRig({ maxRunningSequences: 1, maxLogitRows: 1 });
    narrow.add(1, 3, 1).needsPromptLogits = true;
    for (let at = 0; at < 3; at += 1) expect(narrow.step()).toEqual([1]);
    expect(narrow.scheduler.runningCount).toBe(0);
  });

  it("computes a prompt once for all that have it, and lets others by meanwhile", () => {
    const rig = createRig({ maxTokensPerStep: 8 });
    const first = rig.add(1, 12, 1);
    rig.addSibling(2, first);
    rig.addSibling(3, first);
    rig.add(4, 3, 3);
    expect(rig.step()).toEqual([1]);
    // The first generates its only token and is removed in the step that completes the prompt.
    expect(rig.step()).toEqual([1, 4]);
    expect(rig.step()).toEqual([4, 2, 3]);
    expect(rig.copiedTokenCount).toBe(2 * 11);
    expect([...rig.batch.lengths.subarray(0, 3)]).toEqual([1, 1, 1]);
  });

  it("copies the prompt of a running sequence to those admitted later, or computes it again", () => {
    const rig = createRig({ maxRunningSequences: 2 });
    const first = rig.add(1, 6, 2);
    const second = rig.addSibling(2, first);
    const [third, fourth] = [rig.addSibling(3, first), rig.addSibling(4, first)];
    expect(rig.step()).toEqual([1]);
    expect(rig.step()).toEqual([1, 2]); // The first leaves, the second has one token to go.
    expect(rig.step()).toEqual([2, 3]);
    expect(rig.copiedTokenCount).toBe(2 * 5);
    rig.scheduler.remove(third);
    expect(rig.step()).toEqual([4]);
    expect([...rig.batch.lengths.subarray(0, 1)]).toEqual([6]);
    rig.step();
    for (const sequence of [first, second, fourth]) expect(sequence.generatedCount).toBe(2);
    expect(rig.scheduler.runningCount).toBe(0);
  });

  it("computes the prompt itself when the first sequence is removed before it is computed", () => {
    const rig = createRig({ maxTokensPerStep: 4 });
    const first = rig.add(1, 6, 3);
    const second = rig.addSibling(2, first);
    const third = rig.addSibling(3, first);
    expect(rig.step()).toEqual([1]);
    rig.scheduler.remove(first);
    expect(rig.step()).toEqual([2]);
    expect(rig.step()).toEqual([2]);
    expect(rig.step()).toEqual([2, 3]);
    expect(third.computed).toEqual([...second.promptTokenIds]);
  });

  it("prefills every token that a sequence is admitted with, as after a preemption", () => {
    const slots = createKvCache({ layout: "slots", slotCount: 1, slotTokens: 20, move: () => {} });
    const tokenIds = Int32Array.of(1, 2, 3, 51, 52);
    const kvCache = { ...slots, admit: () => slots.admit(tokenIds, 10) };
    const sizes = { maxTokensPerStep: 4, maxChunkTokens: 4, maxRunningSequences: 1, maxLogitRows: 1 };
    const scheduler = createScheduler<SchedulableSequence>(kvCache, sizes);
    const batch = new StepBatch<SchedulableSequence>({ maxChunks: 1, maxTokens: 4 });
    scheduler.add({
      promptTokenIds: tokenIds.subarray(0, 3),
      maxLengthTokens: 10,
      pendingTokenIds: [53],
      dropPending: () => {},
      needsPromptLogits: false,
      cached: undefined,
    });
    const steps = [1, 2, 3].map(() => {
      scheduler.schedule(batch);
      scheduler.advance(batch);
      return [[...batch.tokenIds.subarray(0, batch.tokenCount)], batch.logitCounts[0]];
    });
    expect(steps).toEqual([
      [[1, 2, 3, 51], 0],
      [[52], 1],
      [[53], 1],
    ]);
  });

  it("removes sequences in any state", () => {
    const rig = createRig({ maxRunningSequences: 2, maxTokensPerStep: 4 });
    const [first, second, third] = [rig.add(1, 2, 9), rig.add(2, 6, 9), rig.add(3, 1, 9)];
    expect(rig.step()).toEqual([1, 2]);
    rig.scheduler.remove(third);
    rig.scheduler.remove(third);
    expect(rig.scheduler).toMatchObject({ waitingCount: 0, waitingTokenCount: 0 });
    rig.scheduler.remove(second);
    expect(rig.step()).toEqual([1]);
    rig.scheduler.remove(first);
    rig.scheduler.schedule(rig.batch);
    expect(rig.batch.chunkCount).toBe(0);
  });

  it("computes every token once, in order, within every limit, and finishes everybody", () => {
    const sequences = fc.array(
      fc.record({
        promptLength: fc.integer({ min: 1, max: 40 }),
        generateCount: fc.integer({ min: 1, max: 12 }),
        arriveAt: fc.integer({ min: 0, max: 30 }),
        cancelAt: fc.option(fc.integer({ min: 0, max: 60 })),
        needsPromptLogits: fc.boolean(),
        siblingCount: fc.integer({ min: 0, max: 3 }),
        cancelMember: fc.integer({ min: 0, max: 3 }),
      }),
      { minLength: 1, maxLength: 25 },
    );
    const limits = fc
      .record({
        maxRunningSequences: fc.integer({ min: 1, max: 6 }),
        spareTokens: fc.integer({ min: 0, max: 20 }),
        maxChunkTokens: fc.integer({ min: 1, max: 26 }),
        spareCapacity: fc.integer({ min: 0, max: 150 }),
        spareLogitRows: fc.integer({ min: 0, max: 20 }),
        mixedTokens: fc.integer({ min: 1, max: 26 }),
        sparePrefillTokens: fc.integer({ min: 0, max: 20 }),
      })
      .map((values) => {
        const maxTokensPerStep = values.maxRunningSequences + values.spareTokens;
        const maxChunkTokens = Math.min(values.maxChunkTokens, maxTokensPerStep);
        const { maxRunningSequences, spareCapacity, mixedTokens } = values;
        const maxLogitRows = maxRunningSequences + values.spareLogitRows;
        const prefill = { mixedTokens, prefillOnlyTokens: mixedTokens + values.sparePrefillTokens };
        return {
          limits: { maxRunningSequences, maxTokensPerStep, maxChunkTokens, maxLogitRows },
          capacityTokens: 52 + spareCapacity,
          prefill,
        };
      });
    fc.assert(
      fc.property(sequences, limits, (arrivals, { limits: sizes, capacityTokens, prefill }) => {
        const rig = createRig(sizes, capacityTokens);
        const live = new Map<number, TestSequence>();
        const cancelled = new Set<number>();
        const startOrder: number[] = [];
        const arrivalOrder: number[] = [];
        // Generous: alone, each would need its prompt's chunks and its decodes.
        const bound = arrivals.reduce(
          (sum, item) => sum + (item.promptLength + item.generateCount) * (1 + item.siblingCount),
          31,
        );
        let step = 0;
        for (; step <= 30 || rig.scheduler.runningCount + rig.scheduler.waitingCount > 0; step += 1) {
          expect(step).toBeLessThan(bound);
          for (const [index, arrival] of arrivals.entries()) {
            const firstId = index * family;
            if (arrival.arriveAt === step) {
              const { promptLength, generateCount, needsPromptLogits } = arrival;
              const first = rig.add(firstId, promptLength, generateCount);
              first.needsPromptLogits = needsPromptLogits;
              live.set(firstId, first);
              for (let id = firstId + 1; id <= firstId + arrival.siblingCount; id += 1) {
                live.set(id, rig.addSibling(id, first));
              }
              arrivalOrder.push(index);
            }
            const sequence = live.get(firstId + arrival.cancelMember);
            const isOpen = sequence !== undefined && sequence.generatedCount < sequence.generateCount;
            if (arrival.cancelAt === step && isOpen) {
              rig.scheduler.remove(sequence);
              cancelled.add(sequence.id);
            }
          }
          const decoding = [...live.values()].filter(
            (sequence) =>
              !cancelled.has(sequence.id) &&
              sequence.generatedCount > 0 &&
              sequence.generatedCount < sequence.generateCount,
          );
          const stepped = rig.step(prefill);
          expect(rig.batch.prefillTokenCount).toBeLessThanOrEqual(prefill.prefillOnlyTokens);
          if (rig.batch.prefillTokenCount > prefill.mixedTokens) {
            // Only its last chunk gives a token, and ends its prompt.
            const givers = stepped.filter((id) => live.get(id)!.generatedCount > 0);
            expect(givers.every((id) => id === stepped.at(-1))).toBe(true);
          }
          // A decoding sequence decodes at every step.
          for (const sequence of decoding) expect(stepped).toContain(sequence.id);
          for (const id of stepped) {
            expect(cancelled.has(id)).toBe(false);
            const index = Math.floor(id / family);
            if (!startOrder.includes(index)) startOrder.push(index);
          }
          // There is progress whenever there is work.
          const openCount = rig.scheduler.waitingCount + rig.scheduler.runningCount;
          expect(openCount > 0 && stepped.length === 0).toBe(false);
        }
        expect(startOrder).toEqual(arrivalOrder.filter((index) => startOrder.includes(index)));
        for (const sequence of live.values()) {
          const whole = expectedTokens(sequence);
          const seen = cancelled.has(sequence.id) ? whole.slice(0, sequence.computed.length) : whole;
          expect(sequence.computed).toEqual(seen);
        }
        expect(rig.scheduler.waitingTokenCount).toBe(0);
      }),
      { seed: 5, numRuns: 150 },
    );
  });
});
