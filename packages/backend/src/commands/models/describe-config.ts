import type { ExecutorMemoryPlan } from "@infernode/inference";
import { describeNetwork, openConfig, type ModelInspection } from "@infernode/models";
import { engineDefaults } from "../../config/engine-defaults.ts";
import type { EngineCoreOptions } from "../../models/engine/engine-core.ts";
import { chooseExecutors, type ExecutorChoice } from "../../models/engine/choose-executor.ts";
import { planModel } from "../../models/engine/plan-model.ts";
import { quantizeModel } from "../../models/engine/quantize-model.ts";
import type { WeightMode } from "../../weight-mode.ts";

type KvCacheDtype = ExecutorMemoryPlan["kvCacheDtype"];

/** A model by its config alone, and what it would take. */
export interface ConfigDescription {
  readonly model: ModelInspection;
  /** What it is planned for. */
  readonly choice: ExecutorChoice;
  /** By how its weights are quantized. */
  readonly memoryPlans: Readonly<Record<WeightMode, ExecutorMemoryPlan>>;
  /** Bytes of one token in the KV cache, over all layers, in each type that the executor has. */
  readonly kvCacheBytesPerToken: Readonly<Partial<Record<KvCacheDtype, number>>>;
}

/** One sequence of this many tokens, or of the model's context if that is shorter. */
const plannedTokens = 4096;

/**
 * Describes the model of a config, and plans its memory in each mode: for one sequence, unless the options say more, and for
 * a processor, unless they name another executor.
 *
 * @throws ModelError, InferenceError for a config that would not run
 */
export async function describeConfig(path: string, options: EngineCoreOptions): Promise<ConfigDescription> {
  const network = await openConfig(path);
  const choice = await choosePlanned(options);
  const { planner, gpu } = choice;
  const model = describeNetwork(network);
  const named = { ...network, name: model.name };
  const sizes = {
    ...options,
    maxSequences: options.maxSequences ?? 1,
    contextTokens: options.contextTokens ?? Math.min(plannedTokens, network.config.contextTokens),
  };
  const quantizeTo = async (quantize: WeightMode): Promise<typeof named> => {
    const quantized = await quantizeModel(named, { ...options, quantize }, planner);
    await planner.assertSupported(quantized.model);
    return quantized.model;
  };
  const [none, int8, int4] = [await quantizeTo("none"), await quantizeTo("int8"), await quantizeTo("int4")];
  const plan = (planned: typeof named): ExecutorMemoryPlan =>
    planModel(planned, sizes, {
      planner,
      budgetBytes: Number.MAX_SAFE_INTEGER,
      computeCapability: gpu?.description.computeCapability,
    }).executorPlan;
  const tokenBytes = (kvCacheDtype: KvCacheDtype): number =>
    planner.plan(none, { maxSequences: 1, contextTokens: 1, kvCacheDtype }).kvBytesPerToken;
  return {
    model,
    choice,
    memoryPlans: { none: plan(none), int8: plan(int8), int4: plan(int4) },
    kvCacheBytesPerToken: Object.fromEntries(
      planner.kvCacheDtypes.map((dtype) => [dtype, tokenBytes(dtype)] as const),
    ),
  };
}

/** The executor that the options name. No GPU is checked for a config alone. */
async function choosePlanned(options: EngineCoreOptions): Promise<ExecutorChoice> {
  const { executor = engineDefaults.executor, runtime } = options;
  if (executor !== "auto" || runtime !== "auto") return (await chooseExecutors(options))[0];
  const [choice] = await chooseExecutors({ executor: "onnx" });
  const reason = "auto: no GPU is considered for a config alone; --executor cuda plans for one";
  return { ...choice, reason };
}
