import type { KvCache } from "../kv/kv-cache.ts";
import type { SchedulableSequence, StepBatch } from "./step-batch.ts";

/** Limits of one step. */
export interface SchedulerLimits {
  /** Tokens in one forward pass, decode and prefill together. At least `maxRunningSequences`. */
  readonly maxTokensPerStep: number;
  /** Tokens of one prompt in one step. */
  readonly maxChunkTokens: number;
  readonly maxRunningSequences: number;
  /** Rows of logits in one step. At least `maxRunningSequences`. */
  readonly maxLogitRows: number;
}

/** How many prompt tokens a step may compute; at least 1. */
export interface PrefillLimits {
  /** Once a sequence gets a token from the step: it decodes, or its prompt ends. */
  readonly mixedTokens: number;
  /** While every sequence of the step has more of its prompt to come. */
  readonly prefillOnlyTokens: number;
}

/**
 * Decides what each step computes: first one token for every decoding sequence (several where a sequence that decodes
 * alone has as many), then prefill, first come first
 * served, with the rest of the token budget. The head of the queue is never passed over, so no sequence starves;
 * KV cache is reserved for a sequence's whole length on admission, so none is preempted. Of sequences with the same
 * prompt the first computes it; the others wait for it and compute its last token only.
 */
export interface Scheduler<S extends SchedulableSequence> {
  readonly runningCount: number;
  readonly waitingCount: number;
  /** Prompt tokens in the queue. */
  readonly waitingTokenCount: number;
  add(sequence: S): void;
  /** Fills the batch, and admits sequences from the queue while there is room. [prefill up to maxTokensPerStep] */
  schedule(batch: StepBatch<S>, prefill?: PrefillLimits): void;
  /** Records that a scheduled batch was computed; copies complete prompts to the sequences that wait for them. */
  advance(batch: StepBatch<S>): void;
  /** Removes a sequence in any state, and releases its KV cache. */
  remove(sequence: S): void;
}

/** Creates a scheduler over one KV cache. */
export function createScheduler<S extends SchedulableSequence>(
  kvCache: KvCache,
  limits: SchedulerLimits,
): Scheduler<S> {
  const { maxTokensPerStep, maxChunkTokens, maxRunningSequences } = limits;
  const unlimitedPrefill = { mixedTokens: maxTokensPerStep, prefillOnlyTokens: maxTokensPerStep };
  /** Beyond one row for each sequence. */
  const maxExtraLogits = limits.maxLogitRows - maxRunningSequences;
  // Sets keep the order of arrival and delete in constant time.
  const waiting = new Set<S>();
  const running = new Set<S>();
  let waitingTokenCount = 0;

  /** Prompt tokens that the batch has room for. */
  const prefillRoom = (batch: StepBatch<S>, prefill: PrefillLimits): number => {
    const limitTokens = batch.givesToken ? prefill.mixedTokens : prefill.prefillOnlyTokens;
    return Math.min(maxTokensPerStep - batch.tokenCount, limitTokens - batch.prefillTokenCount);
  };

  const addChunk = (sequence: S, batch: StepBatch<S>, roomTokens: number): void => {
    const { cached } = sequence;
    if (roomTokens <= 0 || cached === undefined || kvCache.isWaitingForPrefix(cached)) return;
    const remaining = cached.tokenIds.length - cached.tokenCount;
    const fitting = Math.min(remaining, maxChunkTokens, roomTokens);
    const length = sequence.needsPromptLogits
      ? Math.min(fitting, 1 + maxExtraLogits - batch.extraLogitCount)
      : fitting;
    if (length > 0) batch.addPrefill(sequence, length);
  };

  /**
   * Several pending tokens of the only sequence that decodes are one chunk. Beside others they are computed one by one:
   * a chunk is a pass of its own, which would take longer than the passes it saves to one of several sequences.
   */
  const decodeLength = (sequence: S, decodingCount: number): number =>
    decodingCount > 1 ? 1 : Math.min(sequence.pendingTokenIds.length, maxChunkTokens);

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
    schedule: (batch, prefill = unlimitedPrefill) => {
      batch.clear();
      const decoding = [...running].filter((sequence) => !isPrefilling(sequence));
      for (const sequence of decoding) batch.addDecode(sequence, decodeLength(sequence, decoding.length));
      for (const sequence of running) {
        if (isPrefilling(sequence)) addChunk(sequence, batch, prefillRoom(batch, prefill));
      }
      for (const sequence of waiting) {
        const roomTokens = prefillRoom(batch, prefill);
        if (roomTokens <= 0 || !admit(sequence)) break;
        addChunk(sequence, batch, roomTokens);
      }
      kvCache.place(batch);
    },
    advance: (batch) => {
      for (let at = 0; at < batch.chunkCount; at += 1) {
        const sequence = batch.sequences[at]!;
        const { cached } = sequence;
        if (cached === undefined) continue;
        if (!isPrefilling(sequence)) sequence.dropPending(batch.lengths[at]!);
        kvCache.advance(cached, batch.lengths[at]!);
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
  return sequence.cached!.tokenCount < sequence.cached!.tokenIds.length;
}
