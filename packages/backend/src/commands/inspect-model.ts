import { resolveConfig } from "../config/resolve-config.ts";
import { engineOptionsOf } from "../daemon/engine-options.ts";
import { toErrorRecord } from "../engine/error-record.ts";
import { modelFailure } from "../engine/model-failure.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandRunner } from "./command-context.ts";
import { formatBytes, formatCount } from "./format-numbers.ts";
import { formatRows } from "./format-rows.ts";
import { describeModel, type ModelDescription } from "./model-description.ts";
import { configSourcesOf } from "./setting-options.ts";

function formatDescription(model: ModelDescription, terminalColumns: number | undefined): string {
  const plan = model.memoryPlan;
  const dtypes = Object.entries(model.weightBytesByDtype).map(
    ([dtype, bytes]) => `${dtype} ${formatBytes(bytes)}`,
  );
  const rows = [
    ["model", model.name],
    ["directory", model.directory],
    ["architecture", `${model.architecture} (${model.family})`],
    ["files", `${model.files.length}, ${model.tensorCount} tensors`],
    ["parameters", `${formatCount(model.parameterCount)} (${model.parameterCount})`],
    ["stored", `${formatBytes(model.weightBytes)}: ${dtypes.join(", ")}`],
    ["context", `${model.contextTokens} tokens, rope scaling ${model.ropeScaling.type}`],
    ["vocabulary", `${model.vocabSize} tokens${model.hasTiedEmbeddings ? ", tied embeddings" : ""}`],
    ["layers", `${model.layerCount}, hidden ${model.hiddenSize}, intermediate ${model.intermediateSize}`],
    [
      "heads",
      `${model.headCount} for queries, ${model.kvHeadCount} for keys and values, ${model.headDim} wide`,
    ],
    ["chat template", model.hasChatTemplate ? "yes" : "no: completions only"],
    [
      "memory plan",
      `${formatBytes(plan.totalBytes)} for ${plan.maxSequences} x ${plan.contextTokens} tokens`,
    ],
    ["  weights", formatBytes(plan.weightsBytes)],
    ["  KV cache", `${formatBytes(plan.kvCacheBytes)} (${formatBytes(plan.kvBytesPerToken)} per token)`],
    ["  activations", formatBytes(plan.activationsBytes)],
    ["  workspace", formatBytes(plan.workspaceBytes)],
  ] as const;
  return formatRows(rows, terminalColumns);
}

/** Shows a model's size, shape and memory plan; reads no weights. */
export const inspectModel: CommandRunner = async (values, context) => {
  const [directory = "embedded"] = Array.isArray(values["arguments"]) ? values["arguments"].map(String) : [];
  const sources = configSourcesOf(values);
  const { config } = await resolveConfig({ flags: { ...sources.flags, model: directory }, file: false });
  const options = engineOptionsOf(config);
  const { maxSequences, contextTokens } = options;
  const description = await describeModel(options, (modelContextTokens) => ({
    maxSequences: maxSequences ?? 1,
    contextTokens: contextTokens ?? modelContextTokens,
  })).catch((error: unknown) => {
    throw modelFailure(toErrorRecord(error));
  });
  const json = values["json"] === true;
  context.stdout.write(
    `${json ? JSON.stringify(description, undefined, 2) : formatDescription(description, context.stdout.columns)}\n`,
  );
  return exitCodes.success;
};
