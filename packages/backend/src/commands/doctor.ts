import { formatBytes, readHostMemory, type HostMemory } from "@infernode/memory";
import { readGpus, type GpuInventory } from "@infernode/memory/cuda";
import { resolveConfig } from "../config/resolve-config.ts";
import { engineOptionsOf, onlyModel } from "../daemon/engine-options.ts";
import { executorProvider } from "../models/engine/prepare-model.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandRunner } from "./command-context.ts";
import { describeGpus } from "./describe-gpus.ts";
import { probeModels, type ModelProbe } from "./doctor-probes.ts";
import { probeRuntimes, type RuntimeProbe } from "./doctor-runtimes.ts";
import { gatherSystem, type SystemFacts } from "./doctor-system.ts";
import { formatCount } from "./format-count.ts";
import { formatRows } from "./terminal-text.ts";
import { toPrintable } from "./printable.ts";
import { configSourcesOf } from "./setting-options.ts";
import { writeOutput } from "./standard-streams.ts";

/** What is on this machine, and what would run. */
export interface DoctorReport {
  readonly system: SystemFacts;
  /** What this process may use, within its container. */
  readonly memory: HostMemory;
  readonly gpus: GpuInventory;
  readonly runtimes: readonly RuntimeProbe[];
  /** The one that would be served comes first. */
  readonly models: readonly ModelProbe[];
  readonly verdict: { readonly wouldRun: boolean; readonly reasons: readonly string[] };
}

function judge(
  system: SystemFacts,
  runtimes: readonly RuntimeProbe[],
  parts: { readonly model: ModelProbe | undefined; readonly runtime: "auto" | "ffi" | "binding" },
): DoctorReport["verdict"] {
  const reasons: string[] = [];
  if (!system.isNodeSupported) {
    reasons.push(`Node.js 20.19 or later is needed, this is ${system.nodeVersion}`);
  }
  reasons.push(...(parts.model?.reasons ?? []));
  const usable = runtimes.filter(({ path }) => parts.runtime === "auto" || path === parts.runtime);
  if (reasons.length === 0 && !usable.some(({ works }) => works)) {
    reasons.push(
      `${executorProvider.library} does not run: ${usable.map(({ description }) => description).join("; ")}`,
    );
  }
  return { wouldRun: reasons.length === 0, reasons };
}

function describeModel({ model, reasons }: ModelProbe): string {
  if (model === undefined) return `no: ${reasons.join("; ")}`;
  const { memoryPlan: plan } = model;
  const facts = `${model.name}, ${model.family}, ${formatCount(model.parameterCount)} parameters`;
  const memory =
    plan === undefined
      ? ""
      : `, needs ${formatBytes(plan.totalBytes + (model.answerMemoryBytes ?? 0))} for ${plan.maxSequences} x ${plan.contextTokens} tokens`;
  const warnings = model.warnings.map(({ message }) => `warning: ${message}`);
  const answer = reasons.length === 0 ? "yes" : "no";
  return [`${answer}: ${facts}${memory}`, ...reasons, ...warnings].join("\n");
}

function describeMemory(system: SystemFacts, memory: HostMemory): string {
  const isLimited = memory.limitedBy !== "system";
  const limit = isLimited
    ? `, limited by ${memory.limitedBy}; the machine has ${formatBytes(system.totalBytes)}`
    : "";
  return `${formatBytes(memory.freeBytes)} free of ${formatBytes(memory.totalBytes)}${limit}`;
}

function formatReport(report: DoctorReport, terminalColumns: number | undefined): string {
  const { system, memory, gpus, runtimes, models, verdict } = report;
  const features = system.processorFeatures?.join(" ") ?? "unknown features";
  const physical = system.physicalCores === undefined ? "" : `, ${system.physicalCores} physical`;
  const rows: (readonly [string, string])[] = [
    ["system", `${system.os}, ${system.architecture}`],
    ["processor", `${system.processor}\n${system.logicalCores} cores${physical}; ${features}`],
    ["memory", describeMemory(system, memory)],
    ["Node.js", `${system.nodeVersion}${system.isNodeSupported ? "" : " (too old: 20.19 is needed)"}`],
    ...describeGpus(gpus),
  ];
  for (const { path, works, description } of runtimes) {
    rows.push([`${executorProvider.library} ${path}`, works ? description : `does not load: ${description}`]);
  }
  for (const model of models) rows.push([`${model.origin} model`, describeModel(model)]);
  const [first] = models;
  const sentence = verdict.wouldRun
    ? `${first?.model?.name ?? "The model"} would run: infernode serve`
    : `${first?.model?.name ?? first?.directory ?? "The model"} would not run: ${verdict.reasons.join("; ")}`;
  return `${formatRows(rows, terminalColumns)}\n\n${toPrintable(sentence)}`;
}

/** Says what hardware, runtimes and models are there and what would run. */
export const doctor: CommandRunner = async (values, context) => {
  const { config } = await resolveConfig({
    ...configSourcesOf(values),
    environment: context.environment,
    directory: context.directory,
  });
  const options = engineOptionsOf(onlyModel(config));
  const [system, models] = await Promise.all([gatherSystem(), probeModels(options)]);
  // The embedded model is the quickest to try with.
  const readable = models.filter(({ wouldRun }) => wouldRun);
  const sample = readable.find(({ origin }) => origin === "embedded") ?? readable[0];
  const runtimes = await probeRuntimes(sample?.directory ?? options.modelDirectory);
  // After the runtimes: they need larger native stacks, and the first library that is loaded fixes them.
  const gpus = await readGpus();
  const report: DoctorReport = {
    system,
    memory: readHostMemory(),
    gpus,
    runtimes,
    models,
    verdict: judge(system, runtimes, { model: models[0], runtime: config.engine.runtime }),
  };
  const text =
    values["json"] === true
      ? JSON.stringify(report, undefined, 2)
      : formatReport(report, context.stdout.columns);
  await writeOutput(context.stdout, `${text}\n`);
  return report.verdict.wouldRun ? exitCodes.success : exitCodes.engineFailed;
};
