import { createCpuDevice, formatBytes, readAvailableMemory } from "@infernode/memory";
import type { ModelInspection } from "@infernode/models";
import { exitCodes } from "../../exit-codes.ts";
import { modelFailure, toErrorRecord } from "../../models/error-record.ts";
import type { EngineCoreOptions } from "../../models/engine/engine-core.ts";
import type { ExecutorChoice } from "../../models/engine/choose-executor.ts";
import { readGpuRoom } from "../../models/engine/prepare-model.ts";
import { weightModes, type WeightMode } from "../../weight-mode.ts";
import { describeCachedHeads } from "./cached-heads.ts";
import type { CommandContext } from "../command-context.ts";
import { describeConfig, type ConfigDescription } from "./describe-config.ts";
import { describeRotaries, shapeRows } from "./shape-rows.ts";
import { describeExecutor } from "../describe-executor.ts";
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
  const { model, choice, ...plans } = description;
  const room = readRoom(choice, options);
  const verdict = { wouldRun: true, reasons: [] };
  const executor = describeExecutor(choice);
  const memory = {
    executor,
    ...plans,
    memoryAvailableBytes: room.availableBytes,
    hostMemoryAvailableBytes: room.hostBytes,
  };
  const text =
    values["json"] === true
      ? JSON.stringify({ ...model, ...memory, verdict }, undefined, 2)
      : formatRows(
          [
            ...configRows(model),
            ["executor", `${executor.name} (${executor.reason})`],
            ...memoryRows(description, room),
            ...(choice.warning === undefined ? [] : [["warning", choice.warning] as const]),
            ...model.warnings.map(({ message }): Row => ["warning", message]),
          ],
          context.stdout.columns,
        );
  await writeOutput(context.stdout, `${text}\n`);
  return exitCodes.success;
}

type Row = readonly [name: string, value: string];

/** The memory that there is for a plan. */
interface PlanRoom {
  /** Where the executor has its memory. */
  readonly availableBytes: number;
  /** Of the host. */
  readonly hostBytes: number;
}

function readRoom({ gpu }: ExecutorChoice, options: EngineCoreOptions): PlanRoom {
  const { availableBytes: hostBytes } = readAvailableMemory(createCpuDevice(), options.memoryLimitBytes);
  return {
    availableBytes: gpu === undefined ? hostBytes : readGpuRoom(gpu, options).availableBytes,
    hostBytes,
  };
}

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
  { model, choice: { gpu }, memoryPlans, kvCacheBytesPerToken }: ConfigDescription,
  room: PlanRoom,
): readonly Row[] {
  const { maxSequences, contextTokens, kvCacheDtype } = memoryPlans.none;
  const sequences = maxSequences === 1 ? "1 sequence" : `${maxSequences} sequences`;
  const others = Object.entries(kvCacheBytesPerToken).flatMap(([dtype, bytes]) =>
    dtype === kvCacheDtype ? [] : [`${formatBytes(bytes)} with --kv-cache-dtype ${dtype}`],
  );
  const perToken = [
    `${formatBytes(memoryPlans.none.kvBytesPerToken)} per token in ${kvCacheDtype}`,
    ...others,
  ].join(", ");
  const cached = [perToken, describeCachedHeads(model, memoryPlans.none)];
  const describeMode = (mode: WeightMode): Row => {
    const { totalBytes, weightsBytes, hostBytes = 0, kvCacheDtype: dtype } = memoryPlans[mode];
    const fits = totalBytes <= room.availableBytes && hostBytes <= room.hostBytes;
    const parts = [
      `${formatBytes(totalBytes)}, ${formatBytes(weightsBytes)} of weights`,
      dtype === kvCacheDtype ? "" : `KV cache in ${dtype}`,
      hostBytes === 0 ? "" : `${formatBytes(hostBytes)} more of the host`,
      fits ? "fits here" : "more than is free here",
    ];
    return [`  --quantize ${mode}`, parts.filter(Boolean).join("; ")];
  };
  const free = formatBytes(room.availableBytes);
  const here =
    gpu === undefined
      ? `${free} are free here`
      : `on ${gpu.id}, ${gpu.name}, where a model may use ${free}; ${formatBytes(room.hostBytes)} of the host are free`;
  return [
    ["memory", `for ${sequences} of ${contextTokens} tokens${gpu === undefined ? ";" : ""} ${here}`],
    ...weightModes.map(describeMode),
    ["  KV cache", cached.filter(Boolean).join("; ")],
  ];
}
