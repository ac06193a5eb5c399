import { InferenceError } from "../../errors.ts";
import type {
  Executor,
  ExecutorMemoryPlan,
  ForwardBatch,
  ForwardResult,
  KvStorage,
  SlotMove,
} from "../executor.ts";
import { assertFiniteWeights } from "./graph/assert-finite-weights.ts";
import type { NativeHeap } from "./runtime/ffi/native-heap.ts";
import { type BatchLimits, checkBatch, checkMove } from "./assert-batch.ts";
import { DecoderCalls } from "./decoder-calls.ts";
import { KvSlots } from "./kv-slots.ts";
import { LogitRows } from "./logit-rows.ts";
import { kvShape, planResolved } from "./memory-plan.ts";
import { buildNetworkModel } from "./graph/network-model.ts";
import { usedTensors } from "./graph/used-tensors.ts";
import { type OnnxExecutorOptions, type ResolvedOnnxOptions, resolveOnnxOptions } from "./onnx-options.ts";
import { openRuntime } from "./runtime/open-runtime.ts";
import type { OnnxRuntime } from "./runtime/runtime.ts";

/**
 * Makes an executor that runs a model on the processor with onnxruntime. The graph is built in memory
 * from the architecture; weights are read from the checkpoint's own files; the KV cache lives in the
 * memory that is passed in.
 *
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`, `EXECUTOR_UNAVAILABLE`, `EXECUTOR_FAILED`,
 * `NON_FINITE_WEIGHTS`, `SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, `UNSUPPORTED_MODEL`
 */
export async function createOnnxExecutor(options: OnnxExecutorOptions): Promise<Executor> {
  const resolved = resolveOnnxOptions(options);
  const { model, memory, onWarning = () => {}, onRuntimeOpened = () => {} } = options;
  const network = await buildNetworkModel(model);
  const plan = planResolved(model, resolved);

  const heap = await openHeap();
  heap?.separateLargeBlocks();
  // The last thing to be done.
  const closers: Closer[] = [() => heap?.trim()];
  // Beside the session's load, which runs off the event loop; whichever fails is what the caller is told.
  const scan = assertFiniteWeights(usedTensors(model));
  scan.catch(() => {});
  try {
    const { runtime, fallbackReason } = await openRuntime(resolved.runtime, onWarning);
    closers.push(() => runtime.dispose());
    onRuntimeOpened();
    const session = await runtime.createSession(network.encode(), {
      threadCount: resolved.threads,
      allowSpinning: resolved.allowSpinning,
      weightsDirectory: network.weightsDirectory,
    });
    closers.push(() => session.dispose());
    await scan;
    const kv = new KvSlots(kvShape(model, resolved), memory, model.name);
    closers.push(() => kv.dispose());
    const calls = new DecoderCalls(session, kv, { model, memory, sizes: resolved });
    closers.push(() => calls.dispose());
    await calls.prepare();
    // The first run makes the runtime's own memory, and shows here what would fail later.
    await calls.decode(1, 1);
    const description = describe(runtime, resolved, fallbackReason);
    return new OnnxExecutor({ plan, description, kv, calls, vocabSize: model.config.vocabSize, closers });
  } catch (error) {
    // What failed first is what the caller must know.
    await closeAll(closers).catch(() => {});
    throw error;
  }
}

/** Memory that is freed goes back to the system only where the allocator can be told. */
async function openHeap(): Promise<NativeHeap | undefined> {
  try {
    const { openNativeHeap } = await import("./runtime/ffi/native-heap.ts");
    return openNativeHeap();
  } catch {
    // Without koffi there is no way to it.
    return undefined;
  }
}

type Closer = () => void | Promise<void> | undefined;

interface OnnxExecutorParts {
  readonly plan: ExecutorMemoryPlan;
  readonly description: string;
  readonly vocabSize: number;
  readonly kv: KvSlots;
  readonly calls: DecoderCalls;
  /** Undone from the last to the first. */
  readonly closers: Closer[];
}

class OnnxExecutor implements Executor {
  readonly name = "onnx";
  readonly description: string;
  readonly vocabSize: number;
  readonly plan: ExecutorMemoryPlan;
  readonly kvStorage: KvStorage;
  readonly maxLogitRows: number;
  readonly #kv: KvSlots;
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
      slotCount: maxSequences,
      slotTokens: contextTokens,
      move: (move) => this.#move(move),
    };
    this.#kv = parts.kv;
    this.#calls = parts.calls;
    this.#closers = parts.closers;
    this.maxLogitRows = parts.calls.logits.length;
    this.#limits = {
      vocabSize: parts.vocabSize,
      slotTokens: contextTokens,
      maxLogitRows: this.maxLogitRows,
      seenSlots: new Uint8Array(maxSequences),
    };
    this.#result = new LogitRows(parts.calls.logits);
  }

  async forward(batch: ForwardBatch): Promise<ForwardResult> {
    this.#assertIdle();
    this.#running = this.#run(batch, checkBatch(batch, this.#limits));
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
    // A failure of the last forward belongs to its caller.
    await this.#running?.catch(() => {});
    await closeAll(this.#closers);
  }

  /** Native code may be writing to any slot while a forward runs. */
  #assertIdle(): void {
    if (this.#disposal !== undefined) {
      throw new InferenceError("EXECUTOR_DISPOSED", "the onnx executor was disposed and cannot run");
    }
    if (this.#running !== undefined) {
      throw new InferenceError(
        "INVALID_BATCH",
        "the onnx executor runs one forward at a time; one is running",
      );
    }
  }

  #move(move: SlotMove): void {
    this.#assertIdle();
    checkMove(move, this.kvStorage);
    this.#kv.move(move);
  }

  async #run(batch: ForwardBatch, decodeCount: number): Promise<void> {
    this.#result.assign(batch, decodeCount);
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

  async #prefill(batch: ForwardBatch, chunk: number, at: PrefillPlace): Promise<void> {
    const slot = batch.slots[chunk] ?? 0;
    const start = batch.startPositions[chunk] ?? 0;
    const length = batch.lengths[chunk] ?? 0;
    const partTokens = this.#calls.maxChunkTokens;
    const wantedFrom = length - (batch.logitCounts[chunk] ?? 0);
    let { firstRow } = at;
    for (let done = 0; done < length; done += partTokens) {
      const count = Math.min(partTokens, length - done);
      const logitCount = Math.min(count, Math.max(0, done + count - wantedFrom));
      await this.#calls.prefill({
        slot,
        tokenIds: batch.tokenIds.subarray(at.offset + done, at.offset + done + count),
        startPosition: start + done,
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
        const position = batch.startPositions[chunk] ?? 0;
        decodeTokenIds[slot] = batch.tokenIds[offset] ?? 0;
        decodePositions[slot] = position;
        longest = Math.max(longest, position + 1);
      }
      offset += length;
    }
    await this.#calls.decode(count, longest);
  }
}

/** Where a chunk's tokens and its rows of logits begin. */
interface PrefillPlace {
  readonly offset: number;
  readonly firstRow: number;
}

/** Undoes all, last first, whatever fails; then tells what failed first. */
async function closeAll(closers: Closer[]): Promise<void> {
  const errors: unknown[] = [];
  for (const close of closers.splice(0).toReversed()) {
    try {
      await close();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) {
    throw new InferenceError("EXECUTOR_FAILED", "the onnx executor could not be undone", {
      cause: errors[0],
    });
  }
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
