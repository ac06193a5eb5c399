import type { KvCache } from "../kv/kv-cache.ts";
import type { SchedulableSequence, StepBatch } from "./step-batch.ts";

/** What one step may hold. */
export interface SchedulerLimits {
  /** Tokens in one forward pass, decodes and prompts together. At least `maxRunningSequences`. */
  readonly maxTokensPerStep: number;
  /** Tokens of one prompt in one step. */
  readonly maxChunkTokens: number;
  readonly maxRunningSequences: number;
  /** Rows of logits in one step. At least `maxRunningSequences`. */
  readonly maxLogitRows: number;
}

/**
 * Decides what each step computes. First one token for every sequence that is past its prompt, then
 * prompts, first come first served, with what is left of the budget. The head of the queue is never
 * passed over, so nobody starves; room for a sequence's whole length is taken when it enters, so
 * nobody is thrown out. Of sequences with the same prompt the first computes it; the others wait beside
 * it, or find it done, and compute its last token alone.
 */
export interface Scheduler<S extends SchedulableSequence> {
  readonly runningCount: number;
  readonly waitingCount: number;
  /** Prompt tokens of those that wait. */
  readonly waitingTokenCount: number;
  add(sequence: S): void;
  /**
   * Fills the batch; takes sequences in from the queue while there is room. Of prompts it takes up to
   * `maxPrefillTokens`, at least 1. [as many as a step may have]
   */
  schedule(batch: StepBatch<S>, maxPrefillTokens?: number): void;
  /** Records that a scheduled batch was computed; hands new prompts on to those that wait for them. */
  advance(batch: StepBatch<S>): void;
  /** Takes a sequence out in whatever state, and gives its room in the cache back. */
  remove(sequence: S): void;
}

/** Creates a scheduler over one KV cache. */
export function createScheduler<S extends SchedulableSequence>(
  kvCache: KvCache,
  limits: SchedulerLimits,
): Scheduler<S> {
  const { maxTokensPerStep, maxChunkTokens, maxRunningSequences } = limits;
  /** What is left of the rows when every sequence has one. */
  const maxExtraLogits = limits.maxLogitRows - maxRunningSequences;
  // Sets keep the order of arrival and lose a member in constant time.
  const waiting = new Set<S>();
  const running = new Set<S>();
  let waitingTokenCount = 0;

  /** Tokens of prompts that the batch has room for. */
  const prefillRoom = (batch: StepBatch<S>, maxPrefillTokens: number): number =>
    Math.min(maxTokensPerStep - batch.tokenCount, maxPrefillTokens - batch.prefillTokenCount);

  const addChunk = (sequence: S, batch: StepBatch<S>, roomTokens: number): void => {
    const { cached } = sequence;
    if (roomTokens <= 0 || cached === undefined || kvCache.isAwaiting(cached)) return;
    const remaining = sequence.promptTokenIds.length - cached.tokenCount;
    const wanted = Math.min(remaining, maxChunkTokens, roomTokens);
    const length = sequence.wantsPromptLogits
      ? Math.min(wanted, 1 + maxExtraLogits - batch.extraLogitCount)
      : wanted;
    if (length > 0) batch.addPrefill(sequence, length);
  };

  const admit = (sequence: S): boolean => {
    if (running.size >= maxRunningSequences) return false;
    sequence.cached = kvCache.admit(sequence.promptTokenIds, sequence.maxLengthTokens);
    if (sequence.cached === undefined) return false;
    waiting.delete(sequence);
    waitingTokenCount -= sequence.promptTokenIds.length;
    running.add(sequence);
    return true;
  };

  return {
    get runningCount() {
      return running.size;
    },
    get waitingCount() {
      return waiting.size;
    },
    get waitingTokenCount() {
      return waitingTokenCount;
    },
    add: (sequence) => {
      waiting.add(sequence);
      waitingTokenCount += sequence.promptTokenIds.length;
    },
    schedule: (batch, maxPrefillTokens = maxTokensPerStep) => {
      batch.clear();
      for (const sequence of running) {
        if (!isPrefilling(sequence)) batch.addDecode(sequence);
      }
      for (const sequence of running) {
        if (isPrefilling(sequence)) addChunk(sequence, batch, prefillRoom(batch, maxPrefillTokens));
      }
      for (const sequence of waiting) {
        const roomTokens = prefillRoom(batch, maxPrefillTokens);
        if (roomTokens <= 0 || !admit(sequence)) break;
        addChunk(sequence, batch, roomTokens);
      }
      kvCache.place(batch);
    },
    advance: (batch) => {
      for (let at = 0; at < batch.chunkCount; at += 1) {
        const { cached } = batch.sequences[at]!;
        if (cached !== undefined) kvCache.advance(cached, batch.lengths[at]!);
      }
    },
    remove: (sequence) => {
      if (sequence.cached !== undefined) {
        running.delete(sequence);
        kvCache.release(sequence.cached);
        sequence.cached = undefined;
      } else if (waiting.delete(sequence)) {
        waitingTokenCount -= sequence.promptTokenIds.length;
      }
    },
  };
}

function isPrefilling(sequence: SchedulableSequence): boolean {
  return sequence.cached!.tokenCount < sequence.promptTokenIds.length;
}
