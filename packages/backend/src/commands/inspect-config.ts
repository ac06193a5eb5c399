import { formatBytes } from "@infernode/memory";
import type { ExecutorMemoryPlan } from "@infernode/inference";
import { describeNetwork, openConfig, type ModelInspection } from "@infernode/models";
import { exitCodes } from "../exit-codes.ts";
import { modelFailure, toErrorRecord } from "../models/error-record.ts";
import type { EngineCoreOptions } from "../models/engine/engine-core.ts";
import { executorProvider, planModel } from "../models/engine/prepare-model.ts";
import { quantizeModel } from "../models/engine/quantize-model.ts";
import { weightModes, type WeightMode } from "../weight-mode.ts";
import { describeCachedHeads } from "./cached-heads.ts";
import type { CommandContext } from "./command-context.ts";
import { writeOutput } from "./standard-streams.ts";
import { formatCount, formatRows } from "./terminal-text.ts";

/** What a model would take, by how its weights are quantized. */
type MemoryByMode = Readonly<Record<WeightMode, ExecutorMemoryPlan>>;

/** One sequence of this many tokens, or of the model's context if that is shorter. */
const plannedTokens = 4096;

/**
 * Shows what a model would be and take from its config alone, without any weights.
 *
 * @throws BackendError `MODEL_LOAD_FAILED` for a config that would not run
 */
export async function inspectConfig(
  path: string,
  options: EngineCoreOptions,
  {
    values,
    context,
  }: { readonly values: Readonly<Record<string, unknown>>; readonly context: CommandContext },
): Promise<number> {
  const { model, memoryPlans } = await describeConfig(path, options).catch((error: unknown) => {
    throw modelFailure(toErrorRecord(error));
  });
  const verdict = { wouldRun: true, reasons: [] };
  const text =
    values["json"] === true
      ? JSON.stringify({ ...model, memoryPlans, verdict }, undefined, 2)
      : formatRows([...configRows(model), ...memoryRows(model, memoryPlans)], context.stdout.columns);
  await writeOutput(context.stdout, `${text}\n`);
  return exitCodes.success;
}

async function describeConfig(
  path: string,
  options: EngineCoreOptions,
): Promise<{ readonly model: ModelInspection; readonly memoryPlans: MemoryByMode }> {
  const network = await openConfig(path);
  const { name } = describeNetwork(network);
  const sizes = {
    ...options,
    maxSequences: options.maxSequences ?? 1,
    contextTokens: options.contextTokens ?? Math.min(plannedTokens, network.config.contextTokens),
  };
  const plan = async (mode: WeightMode): Promise<ExecutorMemoryPlan> => {
    const { model } = await quantizeModel(
      { ...network, name },
      { ...options, quantize: mode },
      executorProvider,
    );
    await executorProvider.assertSupported(model);
    return planModel(model, sizes, Number.MAX_SAFE_INTEGER).executorPlan;
  };
  const memoryPlans = { none: await plan("none"), int8: await plan("int8"), int4: await plan("int4") };
  return { model: describeNetwork(network), memoryPlans };
}

function configRows(model: ModelInspection): readonly (readonly [string, string])[] {
  const [dtype = ""] = Object.keys(model.weightBytesByDtype);
  return [
    ["config", model.directory],
    ["architecture", `${model.architecture} (${model.family}), would run`],
    ["parameters", `${formatCount(model.parameterCount)} (${model.parameterCount})`],
    ["weights", `none here; ${formatBytes(model.weightBytes)} in ${dtype}`],
    ["context", `${model.contextTokens} tokens`],
    ["vocabulary", `${model.vocabSize} tokens${model.hasTiedEmbeddings ? ", tied embeddings" : ""}`],
    ["layers", `${model.layerCount}, hidden ${model.hiddenSize}, intermediate ${model.intermediateSize}`],
    ["heads", `${model.headCount} query, ${model.kvHeadCount} key/value, dimension ${model.headDim}`],
  ];
}

function memoryRows(model: ModelInspection, plans: MemoryByMode): readonly (readonly [string, string])[] {
  const { maxSequences, contextTokens, kvBytesPerToken } = plans.none;
  const cached = [`${formatBytes(kvBytesPerToken)} per token`, describeCachedHeads(model, plans.none)];
  return [
    ["memory", `for ${maxSequences} x ${contextTokens} tokens`],
    ...weightModes.map(
      (mode) =>
        [
          `  ${mode}`,
          `${formatBytes(plans[mode].totalBytes)}, ${formatBytes(plans[mode].weightsBytes)} of weights`,
        ] as const,
    ),
    ["  KV cache", cached.filter(Boolean).join("; ")],
  ];
}
