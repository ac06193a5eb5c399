import type { CachedSequence, KvCache } from "../kv/kv-cache.ts";
import { RunningChunks } from "./running-chunks.ts";
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
  /** Nothing is proposed while more sequences than this decode. [0] */
  readonly maxSpeculatingSequences?: number;
}

/** How many prompt tokens a step may compute; at least 1. */
export interface PrefillLimits {
  /** Once a sequence gets a token from the step: it decodes, or its prompt ends. */
  readonly mixedTokens: number;
  /** While every sequence of the step has more of its prompt to come. */
  readonly prefillOnlyTokens: number;
}

/** What is left of a step for proposals. */
interface ProposalRoom {
  tokens: number;
  /** Of logits. */
  rows: number;
}

/** Whether a batch was filled, or why not: a sequence finds no room in the KV cache, or there is nothing to compute. */
export type AheadOutcome = "scheduled" | "no-room" | "nothing";

/** Totals since the scheduler was created. */
export interface SchedulerCounters {
  readonly preemptionCount: number;
  /** Prompt tokens that were looked up among the cached ones; in KV caches with a prefix cache only. */
  readonly prefixCacheQueriedTokenCount: number;
  /** Prompt tokens that were found. */
  readonly prefixCacheHitTokenCount: number;
}

/**
 * Decides what each step computes: first one token for every decoding sequence (several where a sequence that decodes
 * alone has as many), then prefill, first come first served, with the rest of the token budget. The head of the queue is
 * never passed over, so no sequence starves. Of sequences with the same prompt the first computes it; the others wait for
 * it and compute only what they do not share.
 *
 * A sequence that finds no room in the KV cache for its next tokens takes it from the one that arrived last: that one is
 * preempted, and waits at the head of the queue to be computed again, with all tokens that it had. So the running
 * sequences always arrived before the waiting ones, and the oldest of them goes on.
 *
 * Behind its pending tokens a decoding sequence may have proposed ones. They get what the others leave of the step and of the
 * KV cache, and never preempt one.
 */
export interface Scheduler<S extends SchedulableSequence> {
  readonly runningCount: number;
  readonly waitingCount: number;
  /** Tokens in the queue that are to be computed before the next token of their sequence. */
  readonly waitingTokenCount: number;
  readonly counters: SchedulerCounters;
  add(sequence: S): void;
  /** Fills the batch, and admits sequences from the queue while there is room. [prefill up to maxTokensPerStep] */
  schedule(batch: StepBatch<S>, prefill?: PrefillLimits): void;
  /**
   * Fills the batch that comes after a running one, of which every row is sampled: tokens that those rows give are taken from
   * there. Preempts no sequence, which the running batch may use: where one finds no room, nothing is scheduled.
   */
  scheduleAhead(batch: StepBatch<S>, running: StepBatch<S>, prefill?: PrefillLimits): AheadOutcome;
  /** Whether a sequence that a running batch gives a token is likely to have proposals behind it. */
  expectsProposals(running: StepBatch<S>): boolean;
  /** Records that a scheduled batch was computed, but for its proposals; sequences that wait for its tokens go on. */
  advance(batch: StepBatch<S>): void;
  /** Records that the first pending tokens of a sequence were computed as proposals. */
  confirm(sequence: S, count: number): void;
  /** Removes a sequence in any state, and releases its KV cache. */
  remove(sequence: S): void;
}

/** Creates a scheduler over one KV cache. */
export function createScheduler<S extends SchedulableSequence>(
  kvCache: KvCache,
  limits: SchedulerLimits,
): Scheduler<S> {
  const { maxTokensPerStep, maxChunkTokens, maxRunningSequences, maxSpeculatingSequences = 0 } = limits;
  const unlimitedPrefill = { mixedTokens: maxTokensPerStep, prefillOnlyTokens: maxTokensPerStep };
  /** Beyond one row for each sequence. */
  const maxExtraLogits = limits.maxLogitRows - maxRunningSequences;
  // Sets keep the order of arrival and delete in constant time.
  const waiting = new Set<S>();
  const running = new Set<S>();
  /** Waiting too, before the others; the one that arrived first is the last. */
  const preempted: { readonly sequence: S; readonly tokenIds: Int32Array }[] = [];
  const ahead = new RunningChunks<S>();
  const counters = { preemptionCount: 0, prefixCacheQueriedTokenCount: 0, prefixCacheHitTokenCount: 0 };
  let waitingTokenCount = 0;

  /** Prompt tokens that the batch has room for. */
  const prefillRoom = (batch: StepBatch<S>, prefill: PrefillLimits): number => {
    const limitTokens = batch.givesToken ? prefill.mixedTokens : prefill.prefillOnlyTokens;
    return Math.min(maxTokensPerStep - batch.tokenCount, limitTokens - batch.prefillTokenCount);
  };

  /** Whether the logits of its prompt are needed first, which another sequence with the same one computes. */
  const isBehindPrompt = (sequence: S): boolean => {
    for (const each of running) {
      if (each === sequence) return false;
      if (each.needsPromptLogits && each.promptTokenIds === sequence.promptTokenIds) return true;
    }
    return false;
  };

  const isPrefilling = (sequence: S): boolean => ahead.endOf(sequence) < sequence.cached!.tokenIds.length;

  const addChunk = (sequence: S, batch: StepBatch<S>, roomTokens: number): void => {
    const { cached } = sequence;
    if (roomTokens <= 0 || cached === undefined || kvCache.isWaitingForPrefix(cached)) return;
    if (isBehindPrompt(sequence)) return;
    const start = ahead.endOf(sequence);
    const remaining = cached.tokenIds.length - start;
    const fitting = Math.min(remaining, maxChunkTokens, roomTokens);
    const length = sequence.needsPromptLogits
      ? Math.min(fitting, Math.max(1, 1 + maxExtraLogits - batch.extraLogitCount))
      : fitting;
    if (length > 0) batch.addPrefill(sequence, length, start);
  };

  /**
   * Several pending tokens of the only sequence that decodes are one chunk. Beside others they are computed one by one:
   * a chunk is a pass of its own, which would take longer than the passes it saves to one of several sequences.
   */
  const decodeLength = (sequence: S, decodingCount: number): number =>
    decodingCount > 1 ? 1 : Math.min(sequence.pendingTokenIds.length, maxChunkTokens);

  const admit = (sequence: S, tokenIds: Int32Array): CachedSequence | undefined => {
    if (running.size >= maxRunningSequences) return undefined;
    const cached = kvCache.admit(tokenIds, sequence.maxLengthTokens, sequence.cacheScope);
    if (cached === undefined) return undefined;
    sequence.cached = cached;
    waitingTokenCount -= tokenIds.length;
    running.add(sequence);
    return cached;
  };

  const admitWaiting = (batch: StepBatch<S>, prefill: PrefillLimits): void => {
    for (let head = preempted.at(-1); head !== undefined; head = preempted.at(-1)) {
      const roomTokens = prefillRoom(batch, prefill);
      if (roomTokens <= 0 || admit(head.sequence, head.tokenIds) === undefined) return;
      preempted.pop();
      addChunk(head.sequence, batch, roomTokens);
    }
    for (const sequence of waiting) {
      const { promptTokenIds } = sequence;
      const roomTokens = prefillRoom(batch, prefill);
      const cached = roomTokens <= 0 ? undefined : admit(sequence, promptTokenIds);
      if (cached === undefined) return;
      waiting.delete(sequence);
      if (kvCache.hasPrefixCache) {
        counters.prefixCacheQueriedTokenCount += promptTokenIds.length;
        counters.prefixCacheHitTokenCount += cached.sharedTokenCount;
      }
      addChunk(sequence, batch, roomTokens);
    }
  };

  const preempt = (sequence: S): void => {
    const cachedTokenIds = kvCache.preempt(sequence.cached!);
    sequence.cached = undefined;
    running.delete(sequence);
    const tokenIds = concat(cachedTokenIds, sequence.pendingTokenIds);
    sequence.dropPending(sequence.pendingTokenIds.length);
    preempted.push({ sequence, tokenIds });
    waitingTokenCount += tokenIds.length;
    counters.preemptionCount += 1;
  };

  /** Makes room for a sequence's next tokens; `false` where it is preempted itself. */
  const makeRoom = (sequence: S, tokenCount: number): boolean => {
    while (!kvCache.grow(sequence.cached!, tokenCount)) {
      let last = sequence;
      for (const each of running) last = each;
      preempt(last);
      if (last === sequence) return false;
    }
    return true;
  };

  /** Proposes the next tokens of a sequence, as many as there is room for; returns how many. */
  const propose = (sequence: S, length: number, room: ProposalRoom): number => {
    const { speculation, pendingTokenIds } = sequence;
    if (speculation === undefined || length < pendingTokenIds.length) return 0;
    const cached = sequence.cached!;
    // The last token of a sequence is not computed.
    const remaining = sequence.maxLengthTokens - 1 - cached.tokenCount - length;
    const most = Math.min(room.tokens, room.rows, remaining, maxChunkTokens - length);
    const count = speculation.propose(most);
    return count > 0 && kvCache.grow(cached, length + count) ? count : 0;
  };

  const scheduleDecodes = (batch: StepBatch<S>): void => {
    const decoding = [...running].filter((sequence) => !isPrefilling(sequence));
    let tokenCount = 0;
    for (const sequence of decoding) {
      // It and those after it made room for others.
      if (sequence.cached === undefined) break;
      const length = decodeLength(sequence, decoding.length);
      if (makeRoom(sequence, length)) tokenCount += length;
    }
    const speculates = decoding.length <= maxSpeculatingSequences;
    const chunkCount = Math.min(maxRunningSequences, running.size + waiting.size + preempted.length);
    // Half of what is left is for prompts.
    const roomTokens = Math.floor((maxTokensPerStep - tokenCount) / 2);
    const room = { tokens: roomTokens, rows: limits.maxLogitRows - chunkCount };
    for (const sequence of decoding) {
      if (sequence.cached === undefined) return;
      const length = decodeLength(sequence, decoding.length);
      const proposalCount = speculates ? propose(sequence, length, room) : 0;
      room.tokens -= proposalCount;
      room.rows -= proposalCount;
      batch.addDecode(sequence, length, proposalCount);
    }
  };

  /** Decodes behind a running batch; `false` where one finds no room. */
  const scheduleFedDecodes = (batch: StepBatch<S>): boolean => {
    for (const sequence of running) {
      if (isPrefilling(sequence)) continue;
      const start = ahead.endOf(sequence);
      const row = ahead.rowOf(sequence);
      // The token that the row gives is its last one.
      if (start + 1 >= sequence.maxLengthTokens) continue;
      const tokenCount = start + 1 - sequence.cached!.tokenCount;
      if (row === undefined || !kvCache.grow(sequence.cached!, tokenCount)) return false;
      batch.addFed(sequence, row, start);
    }
    return true;
  };

  const scheduleRest = (batch: StepBatch<S>, prefill: PrefillLimits, admits: boolean): void => {
    for (const sequence of running) {
      if (isPrefilling(sequence)) addChunk(sequence, batch, prefillRoom(batch, prefill));
    }
    if (admits) admitWaiting(batch, prefill);
    kvCache.place(batch);
  };

  return {
    get runningCount() {
      return running.size;
    },
    get waitingCount() {
      return waiting.size + preempted.length;
    },
    get waitingTokenCount() {
      return waitingTokenCount;
    },
    counters,
    add: (sequence) => {
      waiting.add(sequence);
      waitingTokenCount += sequence.promptTokenIds.length;
    },
    schedule: (batch, prefill = unlimitedPrefill) => {
      const { preemptionCount } = counters;
      ahead.read(undefined);
      batch.clear();
      scheduleDecodes(batch);
      scheduleRest(batch, prefill, counters.preemptionCount === preemptionCount);
    },
    scheduleAhead: (batch, runningBatch, prefill = unlimitedPrefill) => {
      ahead.read(runningBatch);
      batch.clear();
      if (!scheduleFedDecodes(batch)) {
        batch.clear();
        return "no-room";
      }
      scheduleRest(batch, prefill, true);
      return batch.chunkCount > 0 ? "scheduled" : "nothing";
    },
    expectsProposals: ({ chunkCount, logitCounts, sequences }) => {
      let decodingCount = 0;
      let isLikely = false;
      for (let at = 0; at < chunkCount; at += 1) {
        if (logitCounts[at] === 0) continue;
        decodingCount += 1;
        isLikely ||= sequences[at]!.speculation?.isLikely === true;
      }
      return isLikely && decodingCount <= maxSpeculatingSequences;
    },
    advance: (batch) => {
      ahead.read(undefined);
      for (let at = 0; at < batch.chunkCount; at += 1) {
        const sequence = batch.sequences[at]!;
        const { cached } = sequence;
        if (cached === undefined) continue;
        const isDecode = !isPrefilling(sequence);
        const length = batch.lengths[at]! - batch.proposalCounts[at]!;
        kvCache.advance(cached, length, sequence.pendingTokenIds);
        if (isDecode) sequence.dropPending(length);
      }
    },
    confirm: (sequence, count) => {
      if (sequence.cached !== undefined) kvCache.advance(sequence.cached, count, sequence.pendingTokenIds);
      sequence.dropPending(count);
    },
    remove: (sequence) => {
      if (sequence.cached !== undefined) {
        running.delete(sequence);
        kvCache.release(sequence.cached);
        sequence.cached = undefined;
      } else if (waiting.delete(sequence)) {
        waitingTokenCount -= sequence.promptTokenIds.length;
      } else {
        const at = preempted.findIndex((each) => each.sequence === sequence);
        if (at === -1) return;
        waitingTokenCount -= preempted[at]!.tokenIds.length;
        preempted.splice(at, 1);
      }
    },
  };
}

function concat(tokenIds: Int32Array, rest: readonly number[]): Int32Array {
  if (rest.length === 0) return tokenIds;
  const all = new Int32Array(tokenIds.length + rest.length);
  all.set(tokenIds);
  all.set(rest, tokenIds.length);
  return all;
}
