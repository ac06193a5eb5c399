import { CudaError } from "@infernode/memory/cuda";
import { InferenceError } from "../../errors.ts";
import { BlockTableCheck } from "../block-table-check.ts";
import { assertChunks, type BatchLimits } from "../assert-chunks.ts";
import { assertRowSampling, type SamplingLimits } from "../assert-row-sampling.ts";
import { assertFiniteWeights } from "../assert-finite-weights.ts";
import type { AdapterStorage } from "../adapter-storage.ts";
import type { Executor, ExecutorMemoryPlan, ForwardBatch, ForwardResult, PagedStorage } from "../executor.ts";
import type { RowEditCapacity } from "../row-edits.ts";
import { ForwardOrder } from "../forward-order.ts";
import { closeAll, type Closer } from "../slots/close-all.ts";
import { addressIn } from "./address-in.ts";
import { assertCudaOptions, type CudaExecutorOptions } from "./cuda-options.ts";
import { type CudaPlan, planCuda } from "./memory-plan.ts";
import { mostRankedTokens } from "./network/sample-variants.ts";
import type { DeviceValue, PassShape } from "./network/program.ts";
import { BatchRunner, type StepPlace } from "./step/batch-runner.ts";
import { bindProgram } from "./step/bind-program.ts";
import { createChunkCutter } from "./step/chunk-parts.ts";
import { toDeviceFailure } from "./step/device-failure.ts";
import { DecodeGraphs } from "./step/decode-graphs.ts";
import { EditArrays } from "./step/edit-arrays.ts";
import { HostRows, HostRowsMemory } from "./step/host-rows.ts";
import { InputArrays } from "./step/input-arrays.ts";
import { KvPages } from "./step/kv-pages.ts";
import { loadKernels } from "./step/load-kernels.ts";
import { createLibraryProducts, type LibraryProducts, loadProductLibrary } from "./step/product-library.ts";
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
  const { computeCapability } = pool.device;
  const plan = planCuda(model, { ...options, computeCapability });
  const library = loadProductLibrary(options);
  const closers: Closer[] = [];
  try {
    const kernels = await loadKernels(plan.program, pool.device);
    closers.push(() => kernels.dispose());
    const stream = pool.device.createStream();
    closers.push(() => stream.dispose());
    onRuntimeOpened();
    const owner = { pool, stream, model: model.name };
    const products = library && createLibraryProducts(library, plan.libraryBytes, owner);
    closers.push(() => products?.[Symbol.dispose]());
    const weights = createDeviceWeights(plan.weights, owner);
    closers.push(() => weights.dispose());
    const kv = new KvPages(plan.pages, owner);
    closers.push(() => kv.dispose());
    const tag = { model: model.name, purpose: "activations" } as const;
    const arena = pool.allocate({ sizeBytes: plan.arena.sizeBytes, tag, stream });
    closers.push(() => arena.dispose());
    const ropes = new RopeTables(model.config, plan.tables, owner);
    closers.push(() => ropes.dispose());
    const inputs = new InputArrays(plan.capacity, owner);
    closers.push(() => inputs.dispose());
    const edits = new EditArrays(plan.edits, owner);
    closers.push(() => edits.dispose());
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
      addressOf: (operand) =>
        addressIn({ plan, arena, inputs, edits, kv, adapters, ropes, weights }, operand),
      productOf: (request) => products!.product(request),
    });
    const { logits, sampled } = plan.program;
    const offsetOf = ({ id }: DeviceValue): number => plan.arena.offsets[id]!;
    const rowsPlace = {
      device: pool.device,
      stream,
      arena,
      offsets: {
        logits: offsetOf(logits),
        tokens: offsetOf(sampled.tokens),
        status: offsetOf(sampled.status),
        ranked: offsetOf(sampled.ranked),
      },
      maxRows: plan.capacity.logits,
      vocabSize: logits.width,
    };
    const rowsMemory = new HostRowsMemory(pool.device, rowsPlace);
    closers.push(() => rowsMemory.dispose());
    const createPlace = (batch: 0 | 1): StepPlace => {
      const filled = new PassInputs({ inputs, edits }, pool.device, plan.tables.contextTokens);
      closers.push(() => filled.dispose());
      return { inputs: filled, rows: new HostRows(rowsPlace, rowsMemory, batch) };
    };
    const queueLaunches = (shape: PassShape): void => program.launch(shape, stream);
    const graphs = new DecodeGraphs({ ...plan.memory, device: pool.device, stream, queue: queueLaunches });
    closers.push(() => graphs.dispose());
    const runner = new BatchRunner({
      places: [createPlace(0), createPlace(1)],
      capacity: plan.capacity,
      pageTokens: plan.pages.pageTokens,
      cutter: createChunkCutter(model.config, { ...plan.tables, ...plan.pages }),
      ropes,
      graphs,
      queueLaunches,
      stream,
    });
    return new CudaExecutor({
      plan,
      description: describe(plan, pool, products),
      adapters,
      runner,
      onDeviceLost: options.onDeviceLost,
      closers,
    });
  } catch (error) {
    // The first failure is thrown.
    await closeAll("cuda", closers).catch(() => {});
    throw error;
  }
}

function describe(
  { memory }: CudaPlan,
  { device }: CudaExecutorOptions["pool"],
  products: LibraryProducts | undefined,
): string {
  const precision = memory.productPrecision === "16-bit" ? "16 bits" : "float32";
  const ofManyRows = products === undefined ? "" : `, those of many rows by ${products.description}`;
  return `CUDA ${device.driver.cudaVersion} on ${device.name}, products of ${precision}${ofManyRows}`;
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
  readonly adapters: DeviceAdapters | undefined;
  readonly runner: BatchRunner;
  readonly onDeviceLost: CudaExecutorOptions["onDeviceLost"];
  /** Called from the last to the first. */
  readonly closers: Closer[];
}

class CudaExecutor implements Executor {
  readonly name = "cuda";
  readonly canSample = true;
  readonly canRunAhead = true;
  readonly maxTopCount = mostRankedTokens;
  readonly description: string;
  readonly vocabSize: number;
  readonly plan: ExecutorMemoryPlan;
  readonly kvStorage: PagedStorage;
  readonly adapterStorage: AdapterStorage | undefined;
  readonly maxLogitRows: number;
  readonly editCapacity: RowEditCapacity;
  readonly #parts: CudaExecutorParts;
  readonly #limits: BatchLimits & SamplingLimits;
  readonly #blockTables: BlockTableCheck;
  readonly #order: ForwardOrder;
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
    const { edits, masks } = plan.edits;
    this.editCapacity = { edits, masks };
    this.kvStorage = {
      layout: "pages",
      pageCount,
      pageTokens,
      sequenceTokens: contextTokens,
      maxSequences,
      isShareable: plan.arePagesShareable,
    };
    this.adapterStorage = parts.adapters && this.#guardAdapters(parts.adapters);
    this.#order = new ForwardOrder({ canRunAhead: true });
    this.#blockTables = new BlockTableCheck(this.kvStorage);
    this.#limits = {
      vocabSize: width,
      sequenceTokens: contextTokens,
      maxLogitRows: this.maxLogitRows,
      editCapacity: this.editCapacity,
      maxTopCount: this.maxTopCount,
      rankAt: (place) => parts.adapters?.rankAt(place) ?? 0,
    };
  }

  async forward(batch: ForwardBatch): Promise<ForwardResult> {
    this.#assertOpen();
    assertChunks(batch, this.#limits);
    this.#blockTables.assert(batch);
    assertRowSampling(batch, this.#limits);
    this.#order.assertNext(batch);
    const end = this.#order.begin(batch);
    try {
      return await this.#parts.runner.run(batch);
    } catch (error) {
      throw this.#failureOf(error);
    } finally {
      end();
    }
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #dispose(): Promise<void> {
    await this.#parts.runner.whenIdle();
    await closeAll("cuda", this.#parts.closers);
  }

  #assertOpen(): void {
    if (this.#disposal !== undefined) {
      throw new InferenceError("EXECUTOR_DISPOSED", { expected: "an open executor", got: "a disposed one" });
    }
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** Adapters whose copies find that the device is lost, as passes do. */
  #guardAdapters(adapters: DeviceAdapters): AdapterStorage {
    const { maxAdapters, maxRank } = adapters;
    return {
      maxAdapters,
      maxRank,
      load: async (place, adapter) => {
        if (this.#lost !== undefined) throw this.#lost;
        try {
          await adapters.load(place, adapter);
        } catch (error) {
          throw this.#failureOf(error);
        }
      },
      unload: (place) => adapters.unload(place),
      loadIdAt: (place) => adapters.loadIdAt(place),
    };
  }

  #failureOf(error: unknown): unknown {
    if (!(error instanceof CudaError)) return error;
    const failure = toDeviceFailure(error);
    if (failure.code === "DEVICE_LOST" && this.#lost === undefined) {
      this.#lost = failure;
      this.#parts.onDeviceLost?.(failure);
    }
    return failure;
  }
}
