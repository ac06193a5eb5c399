import type { ExecutorMemoryPlan } from "@infernode/inference";
import { describeNetwork, openConfig, type ModelInspection } from "@infernode/models";
import { engineDefaults } from "../../config/engine-defaults.ts";
import type { EngineCoreOptions } from "../../models/engine/engine-core.ts";
import { chooseExecutors } from "../../models/engine/choose-executor.ts";
import { planModel } from "../../models/engine/plan-model.ts";
import { quantizeModel } from "../../models/engine/quantize-model.ts";
import type { WeightMode } from "../../weight-mode.ts";

/** Those of the executor that runs on processors. */
type KvCacheDtype = Exclude<ExecutorMemoryPlan["kvCacheDtype"], "bfloat16">;

/** A model by its config alone, and what it would take. */
export interface ConfigDescription {
  readonly model: ModelInspection;
  /** By how its weights are quantized. */
  readonly memoryPlans: Readonly<Record<WeightMode, ExecutorMemoryPlan>>;
  /** Bytes of one token in the KV cache, over all layers. */
  readonly kvCacheBytesPerToken: Readonly<Record<KvCacheDtype, number>>;
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
  // No GPU is checked for a config alone.
  const { executor = engineDefaults.executor } = options;
  const asked = executor === "auto" ? "onnx" : executor;
  const [{ planner }] = await chooseExecutors({ ...options, executor: asked });
  const model = describeNetwork(network);
  const named = { ...network, name: model.name };
  const sizes = {
    ...options,
    maxSequences: options.maxSequences ?? 1,
    contextTokens: options.contextTokens ?? Math.min(plannedTokens, network.config.contextTokens),
  };
  const plan = async (quantize: WeightMode): Promise<ExecutorMemoryPlan> => {
    const planned = await quantizeModel(named, { ...options, quantize }, planner);
    await planner.assertSupported(planned.model);
    return planModel(planned.model, sizes, { planner, budgetBytes: Number.MAX_SAFE_INTEGER }).executorPlan;
  };
  const memoryPlans = { none: await plan("none"), int8: await plan("int8"), int4: await plan("int4") };
  const tokenBytes = (kvCacheDtype: KvCacheDtype): number =>
    planner.plan(named, { maxSequences: 1, contextTokens: 1, kvCacheDtype }).kvBytesPerToken;
  const kvCacheBytesPerToken = { float32: tokenBytes("float32"), int8: tokenBytes("int8") };
  return { model, memoryPlans, kvCacheBytesPerToken };
}
