import type { WeightRef } from "@infernode/models";
import { InferenceError } from "../../errors.ts";
import type { ExecutorMemoryPlan } from "../executor.ts";
import type { ExecutorModel, PagedExecutorSizes } from "../executor-provider.ts";
import { lengthRuleOf } from "../rotation/length-rotations.ts";
import { summarizeNetwork } from "../network/network-summary.ts";
import { invalidOption } from "../assert-options.ts";
import { ropeTableBytes, type TableSizes } from "../rotation/rope-table.ts";
import { assertCudaSizes, pageTokens, type ResolvedCudaSizes, resolveCudaSizes } from "./cuda-options.ts";
import { countBlocks, mostGridBlocks } from "./network/count-blocks.ts";
import { type ArenaLayout, assignArena } from "./network/assign-arena.ts";
import type { PageFormat } from "./network/attention/attention-request.ts";
import { CudaDecoderBuilder, type ProgramOptions } from "./network/cuda-decoder-builder.ts";
import { fusions } from "./network/fusion/fusions.ts";
import { launchesOf, type Program, type ProgramWeights, weightsOf } from "./network/program.ts";
import { stepPlaces } from "./step/batch-runner.ts";
import { graphCount } from "./step/decode-graphs.ts";
import { editBytes, type EditSizes } from "./step/edit-arrays.ts";
import { hostRowsBytes } from "./step/host-rows.ts";
import { type PassCapacity, passInputBytes } from "./step/input-arrays.ts";
import { type KvPagesShape, kvPagesBytes, kvTokenBytes } from "./step/kv-pages.ts";
import { deviceAdapterBytes } from "./weights/device-adapters.ts";
import { weightBytes } from "./weights/device-weights.ts";
import { stagingBytes } from "./weights/upload-weights.ts";

/** An estimate of what one launch takes in a graph. */
const graphNodeBytes = 1024;
const pageDtypes = { float32: "f32", bfloat16: "bf16", int8: "i8" } as const;
/** What NVIDIA recommends for cuBLAS: on compute capability 9.0 and later, and before. */
const [newLibraryBytes, olderLibraryBytes] = [32 * 2 ** 20, 4 * 2 ** 20];
/** A chunk of 32 tokens is about as efficient as a longer one; a row of a large vocabulary takes half a megabyte. */
const extraLogitRows = 31;
/** About the distinct tokens of a long conversation, which a repetition penalty changes. */
const editsOfSequence = 2048;

/** The program of a model, and all that is needed to run it. */
export interface CudaPlan {
  readonly sizes: ResolvedCudaSizes;
  readonly program: Program;
  /** The weights of products that adapters can change. */
  readonly adaptable: readonly WeightRef[];
  readonly weights: ProgramWeights;
  readonly arena: ArenaLayout;
  readonly pages: KvPagesShape;
  readonly capacity: PassCapacity;
  readonly edits: EditSizes;
  readonly tables: TableSizes;
  /** Workspace of the library of products; 0 where there is none. */
  readonly libraryBytes: number;
  /** Whether keys do not depend on the length of their sequence. */
  readonly arePagesShareable: boolean;
  readonly memory: ExecutorMemoryPlan;
}

/**
 * Plans the memory of an executor from the config and the weight index; reads no weights.
 * @throws InferenceError `INVALID_EXECUTOR_OPTIONS`, `SHAPE_MISMATCH`, `UNSUPPORTED_DTYPE`, `UNSUPPORTED_MODEL`
 */
export function planCudaMemory(model: ExecutorModel, sizes: PagedExecutorSizes): ExecutorMemoryPlan {
  assertCudaSizes(sizes);
  return planCuda(model, sizes).memory;
}

/** Plans everything. */
export function planCuda(model: ExecutorModel, options: PagedExecutorSizes): CudaPlan {
  const sizes = resolveCudaSizes(model, options);
  const { contextTokens, maxSequences, maxChunkTokens, kvCacheDtype } = sizes;
  const { productPrecision = "16-bit" } = sizes;
  const tableStride = Math.ceil(contextTokens / pageTokens);
  const format: PageFormat = { dtype: pageDtypes[kvCacheDtype], pageTokens, tableStride };
  const { maxAdapters, maxAdapterRank: maxRank } = sizes;
  const program = buildProgram(model, {
    pages: format,
    adapterRank: maxAdapters === 0 ? 0 : maxRank,
    usesTensorCores: productPrecision === "16-bit",
    usesProductLibrary: sizes.productLibrary !== "none",
  });
  if (sizes.productPrecision === "16-bit" && !program.hasNarrowProducts) {
    const expected = '"float32" for weights that tensor cores do not multiply';
    throw invalidOption("productPrecision", expected, sizes.productPrecision);
  }
  const usesLibrary = launchesOf(program).some(({ kind }) => kind === "product");
  if (sizes.productLibrary !== "none" && !usesLibrary) {
    const expected = `"none" where no product of 16 bits has a weight of bf16 or f16, stored by rows`;
    throw invalidOption("productLibrary", expected, sizes.productLibrary);
  }
  const libraryBytes = usesLibrary ? libraryWorkspaceBytes(options) : 0;
  const adaptable = [...summarizeNetwork(model).adaptable.values()];
  const weights = weightsOf(program);
  const logits = maxSequences + Math.min(extraLogitRows, maxChunkTokens - 1);
  // A step of all sequences, and a chunk of a prompt beside it.
  const capacity = { tokens: maxChunkTokens + maxSequences, logits, pieces: logits, tableStride };
  const blocks = countBlocks(program, capacity);
  if (blocks > mostGridBlocks) {
    const expected = `fewer tokens: a grid of this model has ${mostGridBlocks} blocks at most, and would have ${blocks}`;
    throw invalidOption("maxChunkTokens", expected, maxChunkTokens);
  }
  const arena = assignArena(program, capacity);
  const vocabSize = program.logits.width;
  const edits: EditSizes = {
    rows: logits,
    vocabSize,
    // One sequence alone has room whatever its tokens are.
    edits: Math.max(maxSequences * editsOfSequence, Math.min(contextTokens, vocabSize)),
    masks: maxSequences,
  };
  const { layerCount, kvHeadCount, headDim } = model.config;
  const pages = {
    ...format,
    layerCount,
    kvHeadCount,
    headDim,
    pageCount: Math.ceil(sizes.kvCacheTokens / pageTokens),
  };
  const tables: TableSizes = { contextTokens, maxChunkTokens, maxSequences };
  const weightsBytes = weightBytes(weights) + deviceAdapterBytes(adaptable, { maxAdapters, maxRank });
  const kvCacheBytes = kvPagesBytes(pages);
  const workspaceBytes =
    passInputBytes(capacity) +
    editBytes(edits) +
    ropeTableBytes(model.config, tables) +
    libraryBytes +
    graphBytes(program, sizes);
  const hostRows = { maxRows: capacity.logits, vocabSize };
  // Edits are in pinned memory, and in that of the engine, which they are copied from.
  const stepBytes = passInputBytes(capacity) + 2 * editBytes(edits);
  const lengthRule = lengthRuleOf(model.config, contextTokens);
  const arePagesShareable = (lengthRule?.originalTokens ?? contextTokens) === contextTokens;
  const memory: ExecutorMemoryPlan = Object.freeze({
    weightsBytes,
    kvCacheBytes,
    activationsBytes: arena.sizeBytes,
    workspaceBytes,
    totalBytes: weightsBytes + kvCacheBytes + arena.sizeBytes + workspaceBytes,
    hostBytes: hostRowsBytes(hostRows) + stepPlaces * stepBytes + stagingBytes(weights),
    kvBytesPerToken: kvTokenBytes(pages),
    kvCacheDtype,
    productPrecision: program.hasNarrowProducts ? "16-bit" : "float32",
    productLibrary: sizes.productLibrary,
    kvHeadDim: headDim,
    kvPages: { pageTokens, pageCount: pages.pageCount, isShareable: arePagesShareable },
    maxSequences,
    contextTokens,
  });
  return {
    arePagesShareable,
    sizes,
    program,
    adaptable,
    weights,
    arena,
    pages,
    capacity,
    edits,
    tables,
    libraryBytes,
    memory,
  };
}

function libraryWorkspaceBytes({ computeCapability }: PagedExecutorSizes): number {
  const isNew = computeCapability === undefined || computeCapability.major >= 9;
  return isNew ? newLibraryBytes : olderLibraryBytes;
}

/** What the driver keeps of all decode graphs, by an estimate. */
function graphBytes({ steps }: Program, sizes: ResolvedCudaSizes): number {
  const launchCount = steps.reduce((sum, { variants }) => sum + (variants.at(-1)?.launches.length ?? 0), 0);
  return graphCount(sizes) * launchCount * graphNodeBytes;
}

function buildProgram(
  { architecture, config, weights }: ExecutorModel,
  options: Pick<ProgramOptions, "pages" | "adapterRank" | "usesTensorCores" | "usesProductLibrary">,
): Program {
  if (config.headCount % config.kvHeadCount !== 0) {
    const expected = `a multiple of the ${config.kvHeadCount} heads of keys`;
    throw new InferenceError("UNSUPPORTED_MODEL", { field: "headCount", expected, got: config.headCount });
  }
  const builder = new CudaDecoderBuilder({ weights, fusions, ...options });
  architecture.build(config, builder);
  return builder.program();
}
