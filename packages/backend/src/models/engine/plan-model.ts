import type {
  ExecutorMemoryPlan,
  ExecutorModel,
  ExecutorPlanner,
  ProductPrecision,
} from "@infernode/inference";
import { engineDefaults } from "../../config/engine-defaults.ts";
import { adapterRoom } from "../adapters/adapter-room.ts";
import { answerMemory } from "../answer-memory.ts";
import type { MemoryDemand } from "../divide-memory.ts";
import { hostBytesOf } from "../memory-budget.ts";
import type { EngineCoreOptions } from "./engine-core.ts";
import { fitEngineSizes, type EngineSizes } from "./fit-engine-sizes.ts";

/** Sizes of an engine, and their memory. */
export interface ModelPlan {
  readonly sizes: ExecutorEngineSizes;
  readonly executorPlan: ExecutorMemoryPlan;
  /** Memory for answers that are being collected. */
  readonly answerMemoryBytes: number;
}

/** Sizes of an engine, and of its KV cache where that is in pages. */
export interface ExecutorEngineSizes extends EngineSizes {
  readonly kvCacheTokens?: number;
}

/** Who plans, and the memory that there is. */
export interface PlanningRoom {
  readonly planner: ExecutorPlanner;
  /** Of the host. */
  readonly budgetBytes: number;
  /** Of the device where the executor has its memory: pages of the KV cache fill it. [it has the host's memory] */
  readonly deviceBytes?: number | undefined;
  /** Of that device. [the newest] */
  readonly computeCapability?: { readonly major: number } | undefined;
}

type SizeOptions = Pick<
  EngineCoreOptions,
  | "maxSequences"
  | "contextTokens"
  | "maxTokensPerStep"
  | "answerMemoryBytes"
  | "kvCacheDtype"
  | "productPrecision"
  | "productLibrary"
  | "adapters"
  | "maxAdapters"
  | "maxAdapterRank"
  | "allowsAdapterUpdates"
>;

type PlanSizes = (sizes: ExecutorEngineSizes) => ExecutorMemoryPlan;

/** On a device, where sequences take only the pages that they fill. */
const defaultDeviceSequences = 64;
/** Left free of the share of a device: pools grow in steps, and round blocks up. */
const deviceHeadroomBytes = 32 * 2 ** 20;

/** The longest chunk of a prompt in one step. */
export function chunkTokensOf(options: SizeOptions, sizes: EngineSizes): number {
  return Math.min(options.maxTokensPerStep, sizes.contextTokens);
}

/** How exact inputs of products are asked to be. [the executor's own] */
export function productPrecisionOf({
  productPrecision = engineDefaults.productPrecision,
}: Pick<EngineCoreOptions, "productPrecision">): ProductPrecision | undefined {
  return productPrecision === "auto" ? undefined : productPrecision;
}

/** Chooses sizes within the room and plans their memory. @throws InferenceError for sizes that the model cannot have */
export function planModel(model: ExecutorModel, options: SizeOptions, room: PlanningRoom): ModelPlan {
  const { maxAdapterRank = engineDefaults.maxAdapterRank, kvCacheDtype, productLibrary } = options;
  const { planner, deviceBytes, computeCapability } = room;
  const fixed = {
    kvCacheDtype,
    productPrecision: productPrecisionOf(options),
    productLibrary,
    ...(computeCapability && { computeCapability }),
    maxAdapters: adapterRoom(options),
    maxAdapterRank,
  };
  const plan: PlanSizes = (sizes) =>
    planner.plan(model, { ...sizes, maxChunkTokens: chunkTokensOf(options, sizes), ...fixed });
  const requested = {
    requested: { maxSequences: options.maxSequences, contextTokens: options.contextTokens },
    modelContextTokens: model.config.contextTokens,
  };
  return deviceBytes === undefined
    ? planOnHost(plan, requested, { room, options })
    : planOnDevice(plan, requested, { room: { ...room, deviceBytes }, options });
}

type Requested = Pick<Parameters<typeof fitEngineSizes>[0], "requested" | "modelContextTokens">;

interface Limits<Room extends PlanningRoom> {
  readonly room: Room;
  readonly options: SizeOptions;
}

function planOnHost(
  plan: PlanSizes,
  requested: Requested,
  { room: { budgetBytes }, options }: Limits<PlanningRoom>,
): ModelPlan {
  const fit = (bytesFor: (contextTokens: number) => number): EngineSizes =>
    fitEngineSizes({
      ...requested,
      budgetBytes,
      planBytes: (each) => plan(each).totalBytes + bytesFor(each.contextTokens),
    });
  const { least, preferred } = answerMemory(options.answerMemoryBytes, budgetBytes);
  let sizes = fit(preferred);
  // If both do not fit, the model takes precedence.
  if (plan(sizes).totalBytes + preferred(sizes.contextTokens) > budgetBytes) sizes = fit(least);
  return withAnswers({ sizes, executorPlan: plan(sizes) }, options, budgetBytes);
}

function planOnDevice(
  plan: PlanSizes,
  requested: Requested,
  { room: { budgetBytes, deviceBytes }, options }: Limits<PlanningRoom & { readonly deviceBytes: number }>,
): ModelPlan {
  const usableBytes = deviceBytes - deviceHeadroomBytes;
  /** One sequence has room for the whole context. */
  const planLeast = (sizes: EngineSizes): ExecutorMemoryPlan =>
    plan({ ...sizes, kvCacheTokens: sizes.contextTokens });
  const fitted = fitEngineSizes({
    ...requested,
    budgetBytes: usableBytes,
    defaultMaxSequences: Math.min(defaultDeviceSequences, options.maxTokensPerStep),
    planBytes: (sizes) => planLeast(sizes).totalBytes,
  });
  const least = planLeast(fitted);
  const moreTokens = Math.max(0, Math.floor((usableBytes - least.totalBytes) / least.kvBytesPerToken));
  const { pageTokens = 1, pageCount = fitted.contextTokens } = least.kvPages ?? {};
  const pages = pageCount + Math.floor(moreTokens / pageTokens);
  const sizes = { ...fitted, kvCacheTokens: pages * pageTokens };
  return withAnswers({ sizes, executorPlan: plan(sizes) }, options, budgetBytes);
}

function withAnswers(
  planned: Omit<ModelPlan, "answerMemoryBytes">,
  { answerMemoryBytes }: SizeOptions,
  budgetBytes: number,
): ModelPlan {
  const { least, preferred } = answerMemory(answerMemoryBytes, budgetBytes);
  const { contextTokens } = planned.sizes;
  const freeBytes = budgetBytes - hostBytesOf(planned.executorPlan);
  return {
    ...planned,
    answerMemoryBytes: Math.max(least(contextTokens), Math.min(preferred(contextTokens), freeBytes)),
  };
}

/** The host's memory of a model at its smallest and at its largest sizes. */
export function demandOf(
  model: ExecutorModel,
  options: EngineCoreOptions,
  room: Omit<PlanningRoom, "budgetBytes">,
): MemoryDemand {
  const bytesWithin = (budgetBytes: number): number => {
    const { executorPlan, answerMemoryBytes } = planModel(model, options, { ...room, budgetBytes });
    return hostBytesOf(executorPlan) + answerMemoryBytes;
  };
  const limitBytes = options.memoryLimitBytes ?? Number.MAX_SAFE_INTEGER;
  return {
    minBytes: bytesWithin(0),
    maxBytes: Math.min(bytesWithin(Number.MAX_SAFE_INTEGER), limitBytes),
  };
}
