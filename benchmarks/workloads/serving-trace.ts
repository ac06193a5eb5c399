import type { MemoryPurpose } from "@infernode/memory";
import { createRandom, logNormal } from "../lib/random.ts";

/** Receives every allocation of the trace, in order; `id` is reused after `give`. */
export interface TraceSink {
  take(id: number, sizeBytes: number, purpose: MemoryPurpose): void;
  give(id: number): void;
  /** Called after each step. */
  stepDone(step: number): void;
}

/** The sizes of a decoder and of its server. */
export interface ServingShape {
  readonly seed: number;
  readonly stepCount: number;
  readonly layerCount: number;
  readonly hiddenSize: number;
  readonly ffnSize: number;
  readonly headSize: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly vocabSize: number;
  readonly bytesPerValue: number;
  readonly blockTokens: number;
  /** For the KV cache. */
  readonly kvBlockCount: number;
  readonly maxSequences: number;
  readonly stepTokens: number;
}

/** Llama 3 8B in bfloat16 with 8 GiB of KV cache: blocks of 2 MiB hold 16 tokens in all layers. */
export const llama8b: ServingShape = {
  seed: 8,
  stepCount: 100_000,
  layerCount: 32,
  hiddenSize: 4096,
  ffnSize: 14_336,
  headSize: 128,
  headCount: 32,
  kvHeadCount: 8,
  vocabSize: 128_256,
  bytesPerValue: 2,
  blockTokens: 16,
  kvBlockCount: 4096,
  maxSequences: 128,
  stepTokens: 2048,
};

/** The same server with a small model, for host memory. */
export const llamaSmall: ServingShape = {
  ...llama8b,
  layerCount: 8,
  hiddenSize: 512,
  ffnSize: 1408,
  headSize: 64,
  headCount: 8,
  kvHeadCount: 2,
  vocabSize: 8192,
  kvBlockCount: 4096,
};

interface Sequence {
  promptTokens: number;
  remainingPrompt: number;
  remainingOutput: number;
  tokens: number;
  readonly blocks: number[];
  table: number;
  tableEntries: number;
  counts: number;
}

/**
 * Replays a server under changing load, step by step: weights once; KV blocks as sequences grow, freed
 * when they finish or are preempted; workspaces of every step, sized by its tokens; state that lives as long as its
 * sequence; adapters that are loaded and dropped. Seeded, so always the same.
 */
export function replayServing(shape: ServingShape, sink: TraceSink): void {
  const random = createRandom(shape.seed);
  const free: number[] = [];
  let nextId = 0;
  const take = (sizeBytes: number, purpose: MemoryPurpose): number => {
    const id = free.pop() ?? (nextId += 1) - 1;
    sink.take(id, Math.max(1, Math.ceil(sizeBytes)), purpose);
    return id;
  };
  const give = (id: number): void => {
    sink.give(id);
    free.push(id);
  };
  const { hiddenSize, bytesPerValue, layerCount, vocabSize, maxSequences, blockTokens } = shape;
  const querySize = shape.headCount * shape.headSize;
  const kvSize = shape.kvHeadCount * shape.headSize;
  const blockBytes = 2 * layerCount * kvSize * blockTokens * bytesPerValue;

  takeWeights();
  let usedBlocks = 0;
  const waiting: Sequence[] = [];
  const running: Sequence[] = [];
  const adapters: number[][] = [];
  let logits: number | undefined;

  for (let step = 0; step < shape.stepCount; step += 1) {
    arrive(step);
    admit();
    const { tokens, rows } = schedule();
    runStep(tokens, rows);
    if (step % 997 === 500) swapAdapter();
    sink.stepDone(step);
  }

  function takeWeights(): void {
    take(vocabSize * hiddenSize * bytesPerValue, "weights");
    for (let layer = 0; layer < layerCount; layer += 1) {
      for (const size of [
        querySize,
        kvSize,
        kvSize,
        querySize,
        shape.ffnSize,
        shape.ffnSize,
        shape.ffnSize,
      ]) {
        take(size * hiddenSize * bytesPerValue, "weights");
      }
      take(hiddenSize * bytesPerValue, "weights");
      take(hiddenSize * bytesPerValue, "weights");
    }
    take(hiddenSize * bytesPerValue, "weights");
    take(vocabSize * hiddenSize * bytesPerValue, "weights");
  }

  /** Load varies: nearly idle, steady, overload. */
  function arrive(step: number): void {
    const wave = [0.02, 0.25, 0.9, 0.4, 0.1][Math.floor(step / 4000) % 5] ?? 0;
    if (random() >= wave || waiting.length > 256) return;
    const promptTokens = Math.min(8000, Math.max(4, Math.floor(logNormal(random, 350, 1))));
    const outputTokens = Math.min(2000, Math.max(1, Math.floor(logNormal(random, 160, 0.8))));
    waiting.push(createSequence(promptTokens, outputTokens));
  }

  function createSequence(promptTokens: number, outputTokens: number): Sequence {
    return {
      promptTokens,
      remainingPrompt: promptTokens,
      remainingOutput: outputTokens,
      tokens: 0,
      blocks: [],
      table: -1,
      tableEntries: 0,
      counts: -1,
    };
  }

  function admit(): void {
    while (running.length < maxSequences) {
      const next = waiting[0];
      if (
        next === undefined ||
        usedBlocks + Math.ceil(next.promptTokens / blockTokens) > shape.kvBlockCount
      ) {
        return;
      }
      waiting.shift();
      next.counts = take(vocabSize * 4, "other");
      next.tableEntries = 64;
      next.table = take(next.tableEntries * 4, "other");
      running.push(next);
    }
  }

  function release(sequence: Sequence): void {
    for (const block of sequence.blocks) give(block);
    usedBlocks -= sequence.blocks.length;
    give(sequence.table);
    give(sequence.counts);
  }

  /** Grows a sequence; preempts the youngest others while no block is free. Returns whether it was kept. */
  function grow(sequence: Sequence, tokens: number): boolean {
    sequence.tokens += tokens;
    while (sequence.blocks.length * blockTokens < sequence.tokens) {
      if (usedBlocks === shape.kvBlockCount) {
        const victim = running.pop();
        if (victim === undefined) return false;
        release(victim);
        waiting.unshift(createSequence(victim.promptTokens, victim.remainingOutput));
        if (victim === sequence) return false;
        continue;
      }
      sequence.blocks.push(take(blockBytes, "kv-cache"));
      usedBlocks += 1;
      if (sequence.blocks.length > sequence.tableEntries) {
        const wider = take(sequence.tableEntries * 8, "other");
        give(sequence.table);
        sequence.table = wider;
        sequence.tableEntries *= 2;
      }
    }
    return true;
  }

  /** One step: a token for each decoding sequence, the rest of the budget for prefill. */
  function schedule(): { tokens: number; rows: number } {
    let tokens = 0;
    let rows = 0;
    for (let index = 0; index < running.length; index += 1) {
      const sequence = running[index];
      if (sequence === undefined) break;
      const chunk =
        sequence.remainingPrompt > 0 ? Math.min(sequence.remainingPrompt, shape.stepTokens - tokens) : 1;
      if (chunk === 0 || !grow(sequence, chunk)) continue;
      tokens += chunk;
      if (sequence.remainingPrompt > 0) sequence.remainingPrompt -= chunk;
      if (sequence.remainingPrompt > 0) continue;
      rows += 1;
      sequence.remainingOutput -= 1;
    }
    for (let index = running.length - 1; index >= 0; index -= 1) {
      const sequence = running[index];
      if (sequence === undefined || sequence.remainingPrompt > 0 || sequence.remainingOutput > 0) continue;
      release(sequence);
      running.splice(index, 1);
    }
    return { tokens, rows };
  }

  /** The workspaces of a forward; the logits live until the next step has sampled from them. */
  function runStep(tokens: number, rows: number): void {
    if (tokens === 0) return;
    const values = tokens * bytesPerValue;
    const metadata = [tokens * 4, tokens * 8, tokens * 8, running.length * 4, running.length * 2048 * 4].map(
      (size) => take(size, "workspace"),
    );
    const hidden = take(values * hiddenSize, "activations");
    const residual = take(values * hiddenSize, "activations");
    for (let pass = 0; pass < 2; pass += 1) {
      const projected = take(values * (querySize + 2 * kvSize), "activations");
      const attention = take(values * querySize, "activations");
      const partial = take(tokens * shape.headCount * 8 * 4, "workspace");
      give(partial);
      give(projected);
      const gated = take(values * 2 * shape.ffnSize, "activations");
      give(attention);
      const activated = take(values * shape.ffnSize, "activations");
      give(gated);
      give(activated);
    }
    if (logits !== undefined) give(logits);
    logits = rows > 0 ? take(rows * vocabSize * 4, "activations") : undefined;
    const sorted = rows > 0 ? take(rows * vocabSize * 4, "workspace") : undefined;
    if (sorted !== undefined) give(sorted);
    give(residual);
    give(hidden);
    for (const id of metadata) give(id);
  }

  /** Loads an adapter of a random rank, and drops an older one if there are four. */
  function swapAdapter(): void {
    if (adapters.length === 4) {
      const [dropped] = adapters.splice(Math.floor(random() * 4), 1);
      for (const id of dropped ?? []) give(id);
    }
    const rank = 8 << Math.floor(random() * 4);
    const parts: number[] = [];
    for (let layer = 0; layer < layerCount; layer += 1) {
      for (const size of [querySize, kvSize, kvSize, querySize]) {
        parts.push(
          take(rank * hiddenSize * bytesPerValue, "weights"),
          take(rank * size * bytesPerValue, "weights"),
        );
      }
    }
    adapters.push(parts);
  }
}
