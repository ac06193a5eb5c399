import { CudaError, type CudaStream } from "@infernode/memory/cuda";
import { InferenceError } from "../../errors.ts";
import { assertBlockTables } from "../assert-block-tables.ts";
import { assertChunks, type BatchLimits } from "../assert-chunks.ts";
import { assertRowSampling } from "../assert-row-sampling.ts";
import { assertFiniteWeights } from "../assert-finite-weights.ts";
import type { AdapterStorage } from "../adapter-storage.ts";
import type { Executor, ExecutorMemoryPlan, ForwardBatch, ForwardResult, PagedStorage } from "../executor.ts";
import type { RowSampling } from "../row-sampling.ts";
import { closeAll, type Closer } from "../slots/close-all.ts";
import { addressIn } from "./address-in.ts";
import { assertCudaOptions, type CudaExecutorOptions } from "./cuda-options.ts";
import { type CudaPlan, planCuda } from "./memory-plan.ts";
import type { DeviceValue, PassShape } from "./network/program.ts";
import { bindProgram } from "./step/bind-program.ts";
import { type ChunkPart, createChunkCutter, type CutChunk } from "./step/chunk-parts.ts";
import { toDeviceFailure } from "./step/device-failure.ts";
import { DecodeGraphs } from "./step/decode-graphs.ts";
import { HostRows } from "./step/host-rows.ts";
import { KvPages } from "./step/kv-pages.ts";
import { loadKernels } from "./step/load-kernels.ts";
import { PassInputs } from "./step/pass-inputs.ts";
import { RopeTables } from "./step/rope-tables.ts";
import { DeviceAdapters } from "./weights/device-adapters.ts";
import { createDeviceWeights } from "./weights/device-weights.ts";

/**
 * Creates an executor that runs a model on an NVIDIA GPU. Kernels are loaded by the driver; weights are read from the
 * checkpoint's files into device memory; keys and values are in pages there.
 *
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`, `EXECUTOR_UNAVAILABLE`, `EXECUTOR_FAILED`, `NON_FINITE_WEIGHTS`,
 * `SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, `UNSUPPORTED_MODEL`; MemoryError `OUT_OF_MEMORY` with the numbers, before
 * weights are read
 */
export async function createCudaExecutor(options: CudaExecutorOptions): Promise<Executor> {
  assertCudaOptions(options);
  const { model, pool, onRuntimeOpened = () => {} } = options;
  const plan = planCuda(model, options);
  const closers: Closer[] = [];
  try {
    const kernels = await loadKernels(plan.program, pool.device);
    closers.push(() => kernels.dispose());
    const stream = pool.device.createStream();
    closers.push(() => stream.dispose());
    onRuntimeOpened();
    const owner = { pool, stream, model: model.name };
    const weights = createDeviceWeights(plan.weights, owner);
    closers.push(() => weights.dispose());
    const kv = new KvPages(plan.pages, owner);
    closers.push(() => kv.dispose());
    const tag = { model: model.name, purpose: "activations" } as const;
    const arena = pool.allocate({ sizeBytes: plan.arena.sizeBytes, tag, stream });
    closers.push(() => arena.dispose());
    const ropes = new RopeTables(model.config, plan.tables, owner);
    closers.push(() => ropes.dispose());
    const inputs = new PassInputs(plan.capacity, owner, plan.tables.contextTokens);
    closers.push(() => inputs.dispose());
    const adapters = createAdapters(plan, owner);
    closers.push(() => adapters?.dispose());
    const tensors = Array.from(plan.weights.tensors.values(), ({ tensor }) => tensor);
    const vectors = [...plan.weights.vectors.values()].flatMap((vector) => vector.tensors);
    await Promise.all([
      options.hasFiniteWeights === true ? undefined : assertFiniteWeights(new Set([...tensors, ...vectors])),
      weights.upload(),
      ropes.upload(stream),
    ]);
    const program = bindProgram(plan.program, {
      functionOf: (launch) => kernels.functionOf(launch),
      addressOf: (operand) => addressIn({ plan, arena, inputs, kv, adapters, ropes, weights }, operand),
    });
    const { logits, sampled } = plan.program;
    const offsetOf = ({ id }: DeviceValue): number => plan.arena.offsets[id]!;
    const rows = new HostRows({
      device: pool.device,
      stream,
      arena,
      offsets: {
        logits: offsetOf(logits),
        tokens: offsetOf(sampled.tokens),
        status: offsetOf(sampled.status),
      },
      maxRows: plan.capacity.logits,
      vocabSize: logits.width,
    });
    closers.push(() => rows.dispose());
    const queuePass = (shape: PassShape, firstRow: number): void => {
      inputs.send(shape.pieceCount, stream);
      program.launch(shape, stream);
      if (shape.sampledTokenCount > 0) rows.queueTokens(firstRow, shape.logitCount);
    };
    const graphs = new DecodeGraphs({
      ...plan.memory,
      device: pool.device,
      stream,
      queue: (shape) => queuePass(shape, 0),
    });
    closers.push(() => graphs.dispose());
    return new CudaExecutor({
      plan,
      description: `CUDA ${pool.device.driver.cudaVersion} on ${pool.device.name}`,
      cutChunk: createChunkCutter(model.config, { ...plan.tables, ...plan.pages }),
      inputs,
      ropes,
      adapters,
      graphs,
      queuePass,
      rows,
      stream,
      onDeviceLost: options.onDeviceLost,
      closers,
    });
  } catch (error) {
    // The first failure is thrown.
    await closeAll("cuda", closers).catch(() => {});
    throw error;
  }
}

/** Memory for adapters, if there is to be room for any. */
function createAdapters(
  { adaptable, sizes }: CudaPlan,
  owner: ConstructorParameters<typeof DeviceAdapters>[2],
): DeviceAdapters | undefined {
  const { maxAdapters, maxAdapterRank } = sizes;
  return maxAdapters === 0
    ? undefined
    : new DeviceAdapters(adaptable, { maxAdapters, maxRank: maxAdapterRank }, owner);
}

interface CudaExecutorParts {
  readonly plan: CudaPlan;
  readonly description: string;
  readonly cutChunk: CutChunk;
  readonly inputs: PassInputs;
  readonly ropes: RopeTables;
  readonly adapters: DeviceAdapters | undefined;
  readonly graphs: DecodeGraphs;
  /** Queues a pass: its inputs, its kernels, and the copy of sampled tokens to rows on the host. */
  readonly queuePass: (shape: PassShape, firstRow: number) => void;
  readonly rows: HostRows;
  readonly stream: CudaStream;
  readonly onDeviceLost: CudaExecutorOptions["onDeviceLost"];
  /** Called from the last to the first. */
  readonly closers: Closer[];
}

class CudaExecutor implements Executor {
  readonly name = "cuda";
  readonly canSample = true;
  readonly description: string;
  readonly vocabSize: number;
  readonly plan: ExecutorMemoryPlan;
  readonly kvStorage: PagedStorage;
  readonly adapterStorage: AdapterStorage | undefined;
  readonly maxLogitRows: number;
  readonly #parts: CudaExecutorParts;
  readonly #limits: BatchLimits;
  readonly #seenPages: Uint8Array;
  #running: Promise<void> | undefined;
  #disposal: Promise<void> | undefined;
  /** After an error that the device does not recover from. */
  #lost: InferenceError | undefined;

  constructor(parts: CudaExecutorParts) {
    const { plan } = parts;
    const { pageCount, pageTokens } = plan.pages;
    const { maxSequences, contextTokens } = plan.memory;
    const { width } = plan.program.logits;
    this.#parts = parts;
    this.description = parts.description;
    this.vocabSize = width;
    this.plan = plan.memory;
    this.maxLogitRows = plan.capacity.logits;
    this.kvStorage = {
      layout: "pages",
      pageCount,
      pageTokens,
      sequenceTokens: contextTokens,
      maxSequences,
      isShareable: plan.arePagesShareable,
    };
    this.adapterStorage = parts.adapters;
    this.#seenPages = new Uint8Array(pageCount);
    this.#limits = {
      vocabSize: width,
      sequenceTokens: contextTokens,
      maxLogitRows: this.maxLogitRows,
      rankAt: (place) => parts.adapters?.rankAt(place) ?? 0,
    };
  }

  async forward(batch: ForwardBatch): Promise<ForwardResult> {
    this.#assertIdle();
    assertChunks(batch, this.#limits);
    assertBlockTables(batch, this.kvStorage, this.#seenPages);
    assertRowSampling(batch, this.#limits);
    this.#running = this.#run(batch);
    try {
      await this.#running;
    } catch (error) {
      throw this.#failureOf(error);
    } finally {
      this.#running = undefined;
    }
    return this.#parts.rows.result();
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
    await closeAll("cuda", this.#parts.closers);
  }

  #assertIdle(): void {
    if (this.#disposal !== undefined) {
      throw new InferenceError("EXECUTOR_DISPOSED", { expected: "an open executor", got: "a disposed one" });
    }
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#running !== undefined) {
      const mismatch = { expected: "one call at a time", got: "one during a forward" };
      throw new InferenceError("INVALID_BATCH", mismatch);
    }
  }

  #failureOf(error: unknown): unknown {
    if (!(error instanceof CudaError)) return error;
    const failure = toDeviceFailure(error);
    if (failure.code === "DEVICE_LOST") {
      this.#lost = failure;
      this.#parts.onDeviceLost?.(failure);
    }
    return failure;
  }

  async #run(batch: ForwardBatch): Promise<void> {
    const { inputs, rows, cutChunk } = this.#parts;
    const { pageTokens } = this.kvStorage;
    const { blockTables = new Int32Array(0), blockTableStride = 0 } = batch;
    rows.begin(batch.sampling);
    inputs.clear();
    let offset = 0;
    for (let chunk = 0; chunk < batch.chunkCount; chunk += 1) {
      const startPosition = batch.startPositions[chunk]!;
      const length = batch.lengths[chunk]!;
      const pageCount = Math.ceil((startPosition + length) / pageTokens);
      const firstPage = chunk * blockTableStride;
      const parts = cutChunk({
        startPosition,
        tokenIds: batch.tokenIds.subarray(offset, offset + length),
        logitCount: batch.logitCounts[chunk] ?? 0,
        pages: blockTables.subarray(firstPage, firstPage + pageCount),
        adapter: batch.adapters?.[chunk] ?? 0,
        knownLength: batch.knownLengths?.[chunk] ?? 0,
      });
      for (const part of parts) await this.#add(part, batch.sampling);
      offset += length;
    }
    await this.#runPass(batch.sampling);
  }

  /** Adds tokens to passes, and runs those that are full. */
  async #add(part: ChunkPart, sampling: RowSampling | undefined): Promise<void> {
    const { startPosition, tokenIds, logitCount, pages, adapter, ropeStart, lengthTokens, isAfterOthers } =
      part;
    const { inputs, ropes, stream } = this.#parts;
    if (isAfterOthers) await this.#runPass(sampling);
    const { length } = tokenIds;
    const logitsFrom = length - logitCount;
    for (let done = 0; done < length;) {
      if (inputs.roomTokens() === 0) await this.#runPass(sampling);
      const tokenCount = Math.min(length - done, inputs.roomTokens());
      const end = done + tokenCount;
      const first = inputs.add({
        startPosition: startPosition + done,
        tokenIds: tokenIds.subarray(done, end),
        logitCount: Math.max(0, end - Math.max(done, logitsFrom)),
        pages,
        adapter,
        ropeStart: lengthTokens === undefined ? ropeStart : undefined,
      });
      if (lengthTokens !== undefined) {
        const tokens = { firstToken: first, startPosition: startPosition + done, tokenCount, lengthTokens };
        ropes.fillByLength(tokens, stream);
      }
      done = end;
    }
  }

  async #runPass(sampling: RowSampling | undefined): Promise<void> {
    const { inputs, rows, graphs, stream } = this.#parts;
    const { shape } = inputs;
    if (shape.tokenCount === 0) return;
    const firstRow = rows.rowCount;
    if (sampling !== undefined) inputs.addSampling(sampling, firstRow);
    inputs.finish();
    const isGraph = firstRow === 0 && graphs.launch(shape);
    if (!isGraph) this.#parts.queuePass(shape, firstRow);
    rows.queueLogits(shape.logitCount);
    await stream.synchronize();
    await rows.finishPass(shape.logitCount);
    inputs.clear();
  }
}
