import { createCpuDevice, formatBytes, readAvailableMemory } from "@infernode/memory";
import type { ModelInspection } from "@infernode/models";
import { exitCodes } from "../../exit-codes.ts";
import { modelFailure, toErrorRecord } from "../../models/error-record.ts";
import type { EngineCoreOptions } from "../../models/engine/engine-core.ts";
import { weightModes, type WeightMode } from "../../weight-mode.ts";
import { describeCachedHeads } from "./cached-heads.ts";
import type { CommandContext } from "../command-context.ts";
import { describeConfig, type ConfigDescription } from "./describe-config.ts";
import { describeRotaries, shapeRows } from "./shape-rows.ts";
import { writeOutput } from "../standard-streams.ts";
import { formatCount, formatRows } from "../terminal-text.ts";

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
  const description = await describeConfig(path, options).catch((error: unknown) => {
    throw modelFailure(toErrorRecord(error));
  });
  const { model, ...memory } = description;
  const { availableBytes } = readAvailableMemory(createCpuDevice(), options.memoryLimitBytes);
  const verdict = { wouldRun: true, reasons: [] };
  const text =
    values["json"] === true
      ? JSON.stringify({ ...model, ...memory, memoryAvailableBytes: availableBytes, verdict }, undefined, 2)
      : formatRows(
          [
            ...configRows(model),
            ...memoryRows(description, availableBytes),
            ...model.warnings.map(({ message }): Row => ["warning", message]),
          ],
          context.stdout.columns,
        );
  await writeOutput(context.stdout, `${text}\n`);
  return exitCodes.success;
}

type Row = readonly [name: string, value: string];

function configRows(model: ModelInspection): readonly Row[] {
  const types = Object.entries(model.weightBytesByDtype).map(
    ([dtype, bytes]) => `${dtype} ${formatBytes(bytes)}`,
  );
  return [
    ["config", model.directory],
    ["architecture", `${model.architecture} (${model.family}), would run`],
    ["parameters", `${formatCount(model.parameterCount)} (${model.parameterCount})`],
    ["weights", `none here; ${formatBytes(model.weightBytes)} in files: ${types.join(", ")}`],
    ["context", `at most ${model.contextTokens} tokens, ${describeRotaries(model)}`],
    ...shapeRows(model),
  ];
}

function memoryRows(
  { model, memoryPlans, kvCacheBytesPerToken: { float32, int8 } }: ConfigDescription,
  availableBytes: number,
): readonly Row[] {
  const { maxSequences, contextTokens } = memoryPlans.none;
  const sequences = maxSequences === 1 ? "1 sequence" : `${maxSequences} sequences`;
  const cached = [
    `${formatBytes(float32)} per token, ${formatBytes(int8)} with --kv-cache-dtype int8`,
    describeCachedHeads(model, memoryPlans.none),
  ];
  const describeMode = (mode: WeightMode): Row => {
    const { totalBytes, weightsBytes } = memoryPlans[mode];
    const fits = totalBytes <= availableBytes ? "fits here" : "more than is free here";
    return [
      `  --quantize ${mode}`,
      `${formatBytes(totalBytes)}, ${formatBytes(weightsBytes)} of weights; ${fits}`,
    ];
  };
  return [
    ["memory", `for ${sequences} of ${contextTokens} tokens; ${formatBytes(availableBytes)} are free here`],
    ...weightModes.map(describeMode),
    ["  KV cache", cached.filter(Boolean).join("; ")],
  ];
}
