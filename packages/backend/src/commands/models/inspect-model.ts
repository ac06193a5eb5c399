import type { ExecutorMemoryPlan } from "@infernode/inference";
import { formatBytes } from "@infernode/memory";
import type { WeightMode } from "../../weight-mode.ts";
import { resolveConfig } from "../../config/resolve/resolve-config.ts";
import { engineOptionsOf, onlyModel } from "../../models/local/engine-options.ts";
import { toExitCode, exitCodes } from "../../exit-codes.ts";
import type { CommandRunner } from "../command-context.ts";
import { findConfigAlone } from "@infernode/models";
import { describeCachedHeads } from "./cached-heads.ts";
import type { ExecutorChoice } from "../../models/engine/choose-executor.ts";
import { checkModel, type ModelDescription } from "../check-model.ts";
import { inspectConfig } from "./inspect-config.ts";
import { readConfigSources } from "../setting-options.ts";
import { describeRotaries, shapeRows } from "./shape-rows.ts";
import { describeExecutor } from "../describe-executor.ts";
import { writeOutput } from "../standard-streams.ts";
import { formatCount, formatRows, toPrintable } from "../terminal-text.ts";

type Row = readonly [string, string];

function tokenizerRow(model: ModelDescription): Row {
  const { tokenizerType, tokenizerVocabSize, textProblem } = model;
  return [
    "tokenizer",
    textProblem === undefined ? `${tokenizerType}, ${tokenizerVocabSize} tokens` : "cannot be read",
  ];
}

function computedAs(mode: WeightMode): string {
  return mode === "none" ? "stored" : `${mode}; norms, biases and the embedding as stored`;
}

function preparedRows({ prepared }: ModelDescription): readonly Row[] {
  if (prepared === undefined) return [];
  const { quantization, target, source } = prepared;
  return [["prepared", `${quantization}, for ${target}, from ${source}`]];
}

function planRows(model: ModelDescription, choice: ExecutorChoice | undefined): readonly Row[] {
  const { memoryPlan: plan, answerMemoryBytes = 0 } = model;
  if (plan === undefined) return [];
  const { hostBytes, kvPages } = plan;
  const place = choice?.gpu === undefined ? "" : ` on ${choice.gpu.id}, ${choice.gpu.name}`;
  const totalBytes = plan.totalBytes + (hostBytes === undefined ? answerMemoryBytes : 0);
  const pages = kvPages && `${kvPages.pageCount} pages of ${kvPages.pageTokens} tokens`;
  const cached = [`${formatBytes(plan.kvBytesPerToken)} per token`, describeCachedHeads(model, plan), pages];
  return [
    [
      "memory plan",
      `${formatBytes(totalBytes)}${place} for ${plan.maxSequences} x ${plan.contextTokens} tokens`,
    ],
    ["  weights", formatBytes(plan.weightsBytes)],
    ["  KV cache", `${formatBytes(plan.kvCacheBytes)} (${cached.filter(Boolean).join("; ")})`],
    ["  products", describeProducts(plan)],
    ["  activations", formatBytes(plan.activationsBytes)],
    ["  workspace", formatBytes(plan.workspaceBytes)],
    ...(hostBytes === undefined ? [] : [["  of the host", formatBytes(hostBytes)] as const]),
    ["  answers", `at most ${formatBytes(answerMemoryBytes)} while being sent`],
  ];
}

function describeProducts({ productPrecision, productLibrary }: ExecutorMemoryPlan): string {
  const inputs = productPrecision === "16-bit" ? "inputs of 16 bits" : "inputs of float32";
  return productLibrary === "none" ? inputs : `${inputs}, those of many rows by ${productLibrary}`;
}

/** The name of each tensor with its type and shape, and what blocks and groups are computed as. */
function formatTensors({ tensors }: ModelDescription, terminalColumns: number | undefined): string {
  const rows = tensors.map((tensor): Row => [
    tensor.name,
    `${tensor.type} (${tensor.shape.join(", ")})${formatBlocks(tensor)}`,
  ]);
  return formatRows(rows, terminalColumns);
}

function formatBlocks({ unpackedTo, isRequantized }: ModelDescription["tensors"][number]): string {
  if (unpackedTo === undefined) return "";
  const { bits, blockSize, hasMinima, hasZeroPoints = false } = unpackedTo;
  const offsets = hasMinima ? " with minima" : hasZeroPoints ? " with zero points" : "";
  const verb = isRequantized ? "quantized again as" : "computed as";
  return `, ${verb} int${bits} in blocks of ${blockSize}${offsets}`;
}

function formatDescription(
  model: ModelDescription,
  choice: ExecutorChoice | undefined,
  terminalColumns: number | undefined,
): string {
  const dtypes = Object.entries(model.weightBytesByDtype).map(
    ([dtype, bytes]) => `${dtype} ${formatBytes(bytes)}`,
  );
  const rows: readonly Row[] = [
    ["model", model.name],
    ["directory", model.directory],
    ["architecture", `${model.architecture} (${model.family})`],
    ["files", `${model.files.length}, ${model.tensorCount} tensors`],
    ["parameters", `${formatCount(model.parameterCount)} (${model.parameterCount})`],
    ...preparedRows(model),
    ["stored", `${formatBytes(model.weightBytes)}: ${dtypes.join(", ")}`],
    ...(model.quantization === undefined ? [] : [["computed as", computedAs(model.quantization)] as const]),
    ["context", `${model.contextTokens} tokens, ${describeRotaries(model)}`],
    ...shapeRows(model),
    tokenizerRow(model),
    ["chat template", model.hasChatTemplate ? "yes" : "no: completions only"],
    ...(choice === undefined ? [] : [["executor", `${choice.planner.name} (${choice.reason})`] as const]),
    ...planRows(model, choice),
    ...(choice?.warning === undefined ? [] : [["warning", choice.warning] as const]),
    ...model.warnings.map(({ message }): Row => ["warning", message]),
  ];
  return formatRows(rows, terminalColumns);
}

/** Shows a model's size, shape and memory plan, and whether `serve` would run it. */
export const inspectModel: CommandRunner = async (values, context) => {
  const [directory = "embedded"] = Array.isArray(values["arguments"]) ? values["arguments"].map(String) : [];
  const { flags, ...sources } = readConfigSources(values);
  const { config } = await resolveConfig({
    ...sources,
    flags: { ...flags, model: directory },
    environment: context.environment,
    directory: context.directory,
  });
  const options = engineOptionsOf(onlyModel(config));
  const configPath = await findConfigAlone(options.modelDirectory).catch(() => undefined);
  if (configPath !== undefined) return inspectConfig(configPath, options, { values, context });
  const { model, choice, failure } = await checkModel(options);
  if (model === undefined && failure !== undefined) throw failure;
  const reasons = failure === undefined ? [] : [failure.message];
  const executor = choice && describeExecutor(choice);
  const text =
    values["json"] === true
      ? JSON.stringify(
          { ...model, executor, verdict: { wouldRun: failure === undefined, reasons } },
          undefined,
          2,
        )
      : model === undefined
        ? ""
        : [
            formatDescription(model, choice, context.stdout.columns),
            ...(values["tensors"] === true ? [formatTensors(model, context.stdout.columns)] : []),
          ].join("\n\n");
  await writeOutput(context.stdout, `${text}\n`);
  if (failure === undefined) return exitCodes.success;
  context.stderr.write(`infernode: ${toPrintable(failure.message)}\n`);
  return toExitCode(failure);
};
