import { InferenceError } from "../../errors.ts";
import type {
  Executor,
  ExecutorMemoryPlan,
  ForwardBatch,
  ForwardResult,
  KvStorage,
  SlotMove,
} from "../executor.ts";
import type { AdapterStorage } from "../adapter-storage.ts";
import { assertFiniteWeights } from "./graph/assert-finite-weights.ts";
import { type Adapters, createAdapters } from "./adapters/create-adapters.ts";
import { type BatchLimits, assertBatch, assertMove } from "./assert-batch.ts";
import { closeAll, type Closer } from "./close-all.ts";
import { DecoderCalls } from "./decoder-calls.ts";
import { KvSlots } from "./kv-slots.ts";
import { LogitRows } from "./logit-rows.ts";
import { adapterSizes, exactTokens, kvShape, planResolved } from "./memory-plan.ts";
import { setKvRanges } from "./set-kv-ranges.ts";
import { RoundedCache } from "./rounded-cache.ts";
import {
  createLengthRotations,
  type LengthRotations,
  type SequenceChunk,
} from "./rotation/length-rotations.ts";
import { buildNetworkModel } from "./graph/network-model.ts";
import { embeddingTensors, usedTensors } from "./graph/network-summary.ts";
import { type OnnxExecutorOptions, type ResolvedOnnxOptions, resolveOnnxOptions } from "./onnx-options.ts";
import { openNative } from "./runtime/open-native.ts";
import { openRuntime } from "./runtime/open-runtime.ts";
import type { OnnxRuntime } from "./runtime/runtime.ts";

/**
 * Creates an executor that runs a model on the CPU with onnxruntime. The graph is built in memory from the
 * architecture; weights are read from the checkpoint's files; the KV cache is in the injected memory.
 *
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`, `EXECUTOR_UNAVAILABLE`, `EXECUTOR_FAILED`,
 * `NON_FINITE_WEIGHTS`, `SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, `UNSUPPORTED_MODEL`
 */
export async function createOnnxExecutor(options: OnnxExecutorOptions): Promise<Executor> {
  const resolved = resolveOnnxOptions(options);
  const { model, memory, onWarning = () => {}, onRuntimeOpened = () => {} } = options;
  const { kvCacheDtype, maxAdapters } = resolved;
  const network = await buildNetworkModel(model, { kvCacheDtype, hasAdapters: maxAdapters > 0 });
  const plan = planResolved(model, resolved);

  const { heap, mappings } = await openNative();
  const tensors = usedTensors(model);
  const isPrepacked = [...tensors].some(({ prepacked }) => prepacked !== undefined);
  // To compare keys, the runtime packs each weight into memory that it frees at once.
  if (isPrepacked) heap?.reuseLargeBlocks();
  else heap?.separateLargeBlocks();
  // Closed last.
  const closers: Closer[] = [() => heap?.trim()];
  // Runs while the session loads off the event loop; whichever fails first is thrown.
  const scan = options.hasFiniteWeights === true ? Promise.resolve() : assertFiniteWeights(tensors);
  scan.catch(() => {});
  try {
    const { runtime, fallbackReason } = await openRuntime(resolved.runtime, onWarning);
    closers.push(() => runtime.dispose());
    onRuntimeOpened();
    const session = await runtime.createSession(network.encode(), {
      threadCount: resolved.threads,
      weightsDirectory: network.weightsDirectory,
    });
    closers.push(() => session.dispose());
    if (isPrepacked) {
      heap?.separateLargeBlocks();
      await heap?.trim();
    }
    for (const tensor of embeddingTensors(model)) mappings?.useSmallPages(tensor);
    await scan;
    const kv = new KvSlots(kvShape(model, resolved), memory, { model: model.name });
    closers.push(() => kv.dispose());
    const rounded = createRoundedCache(kv, options, resolved);
    closers.push(() => rounded?.dispose());
    const rotations = createLengthRotations(model.config, resolved, { memory, model: model.name });
    closers.push(() => rotations?.dispose());
    const adapters = createAdapters(options, { ...resolved, ...adapterSizes(resolved) });
    closers.push(() => adapters?.dispose());
    const calls = new DecoderCalls(session, kv, {
      model,
      memory,
      sizes: resolved,
      rounded,
      rotations,
      adapters: adapters?.inputs,
    });
    closers.push(() => calls.dispose());
    await calls.prepare();
    if (rounded !== undefined) await setKvRanges(calls, rounded, options);
    // The first run allocates the runtime's memory, and fails here if later ones would.
    await calls.decode(1, 1);
    const description = describe(runtime, resolved, fallbackReason);
    return new OnnxExecutor({
      plan,
      description,
      kv,
      rounded,
      rotations,
      adapters,
      calls,
      vocabSize: model.config.vocabSize,
      closers,
    });
  } catch (error) {
    // The first failure is thrown.
    await closeAll(closers).catch(() => {});
    throw error;
  }
}

function createRoundedCache(
  kv: KvSlots,
  { model, memory }: OnnxExecutorOptions,
  sizes: ResolvedOnnxOptions,
): RoundedCache | undefined {
  if (kv.shape.dtype !== "int8") return undefined;
  return new RoundedCache(kv, exactTokens(sizes), { memory, model: model.name });
}

interface OnnxExecutorParts {
  readonly plan: ExecutorMemoryPlan;
  readonly description: string;
  readonly vocabSize: number;
  readonly kv: KvSlots;
  readonly rounded: RoundedCache | undefined;
  readonly rotations: LengthRotations | undefined;
  readonly adapters: Adapters | undefined;
  readonly calls: DecoderCalls;
  /** Called from the last to the first. */
  readonly closers: Closer[];
}

class OnnxExecutor implements Executor {
  readonly name = "onnx";
  readonly description: string;
  readonly vocabSize: number;
  readonly plan: ExecutorMemoryPlan;
  readonly kvStorage: KvStorage;
  readonly adapterStorage: AdapterStorage | undefined;
  readonly maxLogitRows: number;
  readonly #kv: KvSlots;
  readonly #rounded: RoundedCache | undefined;
  readonly #rotations: LengthRotations | undefined;
  readonly #adapters: Adapters | undefined;
  readonly #calls: DecoderCalls;
  readonly #closers: Closer[];
  readonly #limits: BatchLimits;
  readonly #result: LogitRows;
  #running: Promise<void> | undefined;
  #disposal: Promise<void> | undefined;

  constructor(parts: OnnxExecutorParts) {
    const { maxSequences, contextTokens } = parts.plan;
    this.description = parts.description;
    this.vocabSize = parts.vocabSize;
    this.plan = parts.plan;
    this.kvStorage = {
      layout: "slots",
      slotCount: maxSequences,
      slotTokens: contextTokens,
      move: (move) => this.#move(move),
    };
    this.#kv = parts.kv;
    this.#rounded = parts.rounded;
    this.#rotations = parts.rotations;
    this.#adapters = parts.adapters;
    this.adapterStorage = parts.adapters?.store;
    this.#calls = parts.calls;
    this.#closers = parts.closers;
    this.maxLogitRows = parts.calls.logits.length;
    this.#limits = {
      vocabSize: parts.vocabSize,
      slotTokens: contextTokens,
      maxLogitRows: this.maxLogitRows,
      seenSlots: new Uint8Array(maxSequences),
      rankAt: (place) => parts.adapters?.store.rankAt(place) ?? 0,
    };
    this.#result = new LogitRows(parts.calls.logits);
  }

  async forward(batch: ForwardBatch): Promise<ForwardResult> {
    this.#assertIdle();
    this.#running = this.#run(batch, assertBatch(batch, this.#limits));
    try {
      await this.#running;
    } finally {
      this.#running = undefined;
    }
    return this.#result;
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #dispose(): Promise<void> {
    // A failure of the last forward is its caller's.
    await this.#running?.catch(() => {});
    await closeAll(this.#closers);
  }

  /** Native code may be writing to any slot while a forward runs. */
  #assertIdle(): void {
    if (this.#disposal !== undefined) {
      throw new InferenceError("EXECUTOR_DISPOSED", { expected: "an open executor", got: "a disposed one" });
    }
    if (this.#running !== undefined) {
      throw new InferenceError("INVALID_BATCH", {
        expected: "one call at a time",
        got: "one during a forward",
      });
    }
  }

  #move(move: SlotMove): void {
    this.#assertIdle();
    assertMove(move, this.kvStorage);
    this.#kv.move(move);
    this.#rounded?.move(move);
    this.#rotations?.move(move);
  }

  async #run(batch: ForwardBatch, decodeCount: number): Promise<void> {
    this.#result.assign(batch, decodeCount);
    this.#adapters?.inputs.place(batch);
    let offset = 0;
    let firstRow = decodeCount;
    for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
      const length = batch.lengths[chunk] ?? 0;
      if (length > 1) {
        await this.#prefill(batch, chunk, { offset, firstRow });
        firstRow += batch.logitCounts[chunk] ?? 0;
      }
      offset += length;
    }
    if (decodeCount > 0) await this.#decode(batch, decodeCount);
  }

  async #prefill(batch: ForwardBatch, chunk: number, at: PrefillStart): Promise<void> {
    const slot = batch.slots[chunk] ?? 0;
    const startPosition = batch.startPositions[chunk] ?? 0;
    const length = batch.lengths[chunk] ?? 0;
    const logitCount = batch.logitCounts[chunk] ?? 0;
    const tokenIds = batch.tokenIds.subarray(at.offset, at.offset + length);
    const whole = { slot, startPosition, tokenIds, knownLength: batch.knownLengths?.[chunk] };
    const ends = this.#rotations?.partEnds(whole, logitCount) ?? [length];
    let { firstRow } = at;
    let start = 0;
    for (const end of ends) {
      const part = {
        ...whole,
        startPosition: startPosition + start,
        tokenIds: tokenIds.subarray(start, end),
      };
      const logitsBefore = Math.max(0, start - (length - logitCount));
      const rowCount = Math.max(0, end - (length - logitCount)) - logitsBefore;
      await this.#rotations?.place(part, (again) => this.#compute(again, { rowCount: 0, firstRow: 0 }));
      await this.#compute(part, { rowCount, firstRow });
      firstRow += rowCount;
      start = end;
    }
  }

  /** Computes tokens of one sequence in chunks, with rows of logits after the last ones. */
  async #compute({ slot, startPosition, tokenIds }: SequenceChunk, rows: ChunkRows): Promise<void> {
    const { length } = tokenIds;
    const partTokens = this.#calls.maxChunkTokens;
    const logitsFrom = length - rows.rowCount;
    let { firstRow } = rows;
    for (let done = 0; done < length; done += partTokens) {
      const count = Math.min(partTokens, length - done);
      const logitCount = Math.min(count, Math.max(0, done + count - logitsFrom));
      await this.#calls.prefill({
        slot,
        tokenIds: tokenIds.subarray(done, done + count),
        startPosition: startPosition + done,
        logitCount,
        firstRow,
      });
      firstRow += logitCount;
    }
  }

  async #decode(batch: ForwardBatch, count: number): Promise<void> {
    const { decodeTokenIds, decodePositions } = this.#calls;
    let offset = 0;
    let longest = 0;
    for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
      const length = batch.lengths[chunk] ?? 0;
      if (length === 1) {
        const slot = batch.slots[chunk] ?? 0;
        const startPosition = batch.startPositions[chunk] ?? 0;
        const tokenIds = batch.tokenIds.subarray(offset, offset + 1);
        const placed = { slot, startPosition, tokenIds, knownLength: batch.knownLengths?.[chunk] };
        await this.#rotations?.place(placed, (again) => this.#compute(again, { rowCount: 0, firstRow: 0 }));
        decodeTokenIds[slot] = tokenIds[0] ?? 0;
        decodePositions[slot] = startPosition;
        longest = Math.max(longest, startPosition + 1);
      }
      offset += length;
    }
    await this.#calls.decode(count, longest);
  }
}

/** Rows of logits of a chunk. */
interface ChunkRows {
  readonly rowCount: number;
  /** Index of the first of them. */
  readonly firstRow: number;
}

/** Where the tokens and the rows of logits of a chunk start. */
interface PrefillStart {
  readonly offset: number;
  readonly firstRow: number;
}

function describe(
  runtime: OnnxRuntime,
  options: ResolvedOnnxOptions,
  fallbackReason: string | undefined,
): string {
  const path = runtime.path === "ffi" ? "C API" : "Node binding";
  const threads = `${options.threads} ${options.threads === 1 ? "thread" : "threads"}`;
  const why = fallbackReason === undefined ? "" : `; C API not used: ${fallbackReason}`;
  return `onnxruntime ${runtime.version} on CPU, ${path}, ${threads}${why}`;
}
