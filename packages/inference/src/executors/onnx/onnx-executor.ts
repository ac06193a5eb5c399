import type { Executor } from "../executor.ts";
import { createLengthRotations } from "../rotation/length-rotations.ts";
import { closeAll, type Closer } from "../slots/close-all.ts";
import { KvSlots } from "../slots/kv-slots.ts";
import { SlotExecutor } from "../slots/slot-executor.ts";
import { embeddingTensors, usedTensors } from "../network/network-summary.ts";
import { assertFiniteWeights } from "../assert-finite-weights.ts";
import { createAdapters } from "./adapters/create-adapters.ts";
import { DecoderCalls } from "./decoder-calls.ts";
import { adapterSizes, exactTokens, kvShape, planResolved } from "./memory-plan.ts";
import { setKvRanges } from "./set-kv-ranges.ts";
import { RoundedCache } from "./rounded-cache.ts";
import { buildNetworkModel } from "./graph/network-model.ts";
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
    return new SlotExecutor({
      name: "onnx",
      plan,
      description,
      movables: rounded === undefined ? [kv] : [kv, rounded],
      rotations,
      adapters: adapters && { store: adapters.store, place: (batch) => adapters.inputs.place(batch) },
      calls,
      vocabSize: model.config.vocabSize,
      closers,
    });
  } catch (error) {
    // The first failure is thrown.
    await closeAll("onnx", closers).catch(() => {});
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
