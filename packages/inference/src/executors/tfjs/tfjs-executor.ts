import type { MemoryBlockPort, MemoryPort } from "../../ports.ts";
import { InferenceError } from "../../errors.ts";
import { AdapterStore } from "../adapters/adapter-store.ts";
import type { Executor, ExecutorMemoryPlan } from "../executor.ts";
import type { ExecutorModel } from "../executor-provider.ts";
import { summarizeNetwork, usedTensors } from "../network/network-summary.ts";
import { createLengthRotations } from "../rotation/length-rotations.ts";
import { ropeTableBytes } from "../rotation/rope-table.ts";
import { RopeTables } from "../rotation/rope-tables.ts";
import { closeAll, type Closer } from "../slots/close-all.ts";
import { KvSlots } from "../slots/kv-slots.ts";
import { logitRowCount } from "../slots/logit-rows.ts";
import { SlotExecutor } from "../slots/slot-executor.ts";
import { float32 } from "../typed-views.ts";
import { assertFiniteWeights } from "../assert-finite-weights.ts";
import { AdapterRows } from "./adapter-rows.ts";
import { kvShape, planResolved } from "./memory-plan.ts";
import { TfjsDecoderBuilder } from "./program/tfjs-decoder-builder.ts";
import { openTfjsRuntime, type TfjsRuntime, useTensorFlow } from "./runtime/open-runtime.ts";
import { TfjsCalls } from "./tfjs-calls.ts";
import { type ResolvedTfjsOptions, resolveTfjsOptions, type TfjsExecutorOptions } from "./tfjs-options.ts";
import { HeldWeights } from "./weights/held-weights.ts";

/** Of the memory that WebAssembly addresses, what its library takes. */
const libraryBytes = 64 * 2 ** 20;

/**
 * Creates an executor that runs a model with TensorFlow.js, in float32: weights of other types are converted when they are
 * loaded. It computes on the event loop, and yields after each attention. The KV cache is in the injected memory.
 *
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`, `EXECUTOR_UNAVAILABLE`, `EXECUTOR_FAILED`,
 * `NON_FINITE_WEIGHTS`, `SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, `UNSUPPORTED_MODEL`
 */
export async function createTfjsExecutor(options: TfjsExecutorOptions): Promise<Executor> {
  const resolved = resolveTfjsOptions(options);
  const { model, memory, tensorflow, onWarning = () => {}, onRuntimeOpened = () => {} } = options;
  const weights = new HeldWeights(model.weights);
  const network = stateNetwork(model, weights);
  const plan = planResolved(model, resolved);
  const runtime =
    tensorflow === undefined
      ? await openTfjsRuntime(resolved.runtime, onWarning)
      : await useTensorFlow(tensorflow);
  assertAddressable(plan, runtime);
  onRuntimeOpened();
  if (options.hasFiniteWeights !== true) await assertFiniteWeights(usedTensors(model));
  const closers: Closer[] = [() => weights.dispose()];
  try {
    await weights.load({ runtime, memory, model: model.name });
    const calls = await createCalls({ options, resolved, runtime, network, closers });
    return new SlotExecutor({
      name: "tfjs",
      description: runtime.description,
      vocabSize: model.config.vocabSize,
      plan,
      ...calls,
      closers,
    });
  } catch (error) {
    // The first failure is thrown.
    await closeAll("tfjs", closers).catch(() => {});
    throw error;
  }
}

/** States a network. @throws InferenceError for weights that it does not fit or that cannot be read */
export function stateNetwork(model: ExecutorModel, weights: HeldWeights): TfjsDecoderBuilder {
  const network = new TfjsDecoderBuilder(weights);
  model.architecture.build(model.config, network);
  return network;
}

/** @throws InferenceError `EXECUTOR_UNAVAILABLE` */
export function assertAddressable(
  { weightsBytes, activationsBytes }: Pick<ExecutorMemoryPlan, "weightsBytes" | "activationsBytes">,
  { kind: { limitBytes = Infinity }, description }: TfjsRuntime,
): void {
  const bytes = weightsBytes + activationsBytes;
  if (bytes <= limitBytes - libraryBytes) return;
  const expected = `a model of at most ${limitBytes - libraryBytes} bytes, with what it computes, for ${description}`;
  throw new InferenceError("EXECUTOR_UNAVAILABLE", { expected, got: bytes });
}

interface CallSource {
  readonly options: TfjsExecutorOptions;
  readonly resolved: ResolvedTfjsOptions;
  readonly runtime: TfjsRuntime;
  readonly network: TfjsDecoderBuilder;
  /** Gets what is to be closed. */
  readonly closers: Closer[];
}

/** Allocates the memory of an executor, and makes the parts that use it. */
async function createCalls({ options, resolved, runtime, network, closers }: CallSource) {
  const { model, memory } = options;
  const owner = { memory, model: model.name };
  const { vocabSize } = model.config;
  const kv = new KvSlots(kvShape(model, resolved), memory, { model: model.name });
  closers.push(() => kv.dispose());
  const rotations = createLengthRotations(model.config, resolved, owner);
  closers.push(() => rotations?.dispose());
  const allocate = (
    sizeBytes: number,
    purpose: "activations" | "workspace",
    label: string,
  ): MemoryBlockPort => {
    const block = memory.allocate({
      sizeBytes,
      tag: { model: model.name, purpose, label },
      alignmentBytes: 64,
    });
    closers.push(() => block.dispose());
    return block;
  };
  const { bytes: ropeBytes } = allocate(ropeTableBytes(model.config, resolved), "workspace", "rope tables");
  let offset = 0;
  const ropes = new RopeTables(model.config, resolved, (sizeBytes) => {
    offset += sizeBytes;
    return ropeBytes.subarray(offset - sizeBytes, offset);
  });
  await ropes.fill();
  const rowCount = logitRowCount(resolved);
  const numbers = float32(allocate(rowCount * vocabSize * 4, "activations", "logits").bytes);
  const logits = Array.from({ length: rowCount }, (_, row) =>
    numbers.subarray(row * vocabSize, (row + 1) * vocabSize),
  );
  const adapters = createAdapterRows(model, memory, resolved);
  closers.push(() => adapters?.store.dispose());
  const { maxChunkTokens } = resolved;
  const parts = { runtime, network, kv, ropes, rotations, adapters, logits, maxChunkTokens };
  return { calls: new TfjsCalls(parts), movables: [kv], rotations, adapters };
}

function createAdapterRows(
  model: ExecutorModel,
  memory: MemoryPort,
  { maxAdapters, maxAdapterRank, maxSequences }: ResolvedTfjsOptions,
): AdapterRows | undefined {
  if (maxAdapters === 0) return undefined;
  const products = [...summarizeNetwork(model).adaptable.values()];
  const sizes = { maxAdapters, maxRank: maxAdapterRank };
  return new AdapterRows(new AdapterStore(products, sizes, { memory, model: model.name }), maxSequences);
}
