import { formatBytes, readHostMemory, type HostMemory } from "@infernode/memory";
import { readGpus, type GpuInventory } from "@infernode/memory/cuda";
import { resolveConfig } from "../config/resolve-config.ts";
import { engineOptionsOf, onlyModel } from "../daemon/engine-options.ts";
import { executorProvider } from "../models/engine/prepare-model.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandRunner } from "./command-context.ts";
import { describeGpus } from "./describe-gpus.ts";
import { probeModels, probeRuntimes, type ModelProbe, type RuntimeProbe } from "./doctor-probes.ts";
import { readSystemInfo, type SystemInfo } from "./doctor-system.ts";
import { readConfigSources } from "./setting-options.ts";
import { writeOutput } from "./standard-streams.ts";
import { formatCount, formatRows, toPrintable } from "./terminal-text.ts";

/** Hardware, runtimes and models of this machine, and whether the configured model would run. */
export interface DoctorReport {
  readonly system: SystemInfo;
  /** Available to this process, within the limits of its container. */
  readonly memory: HostMemory;
  readonly gpus: GpuInventory;
  readonly runtimes: readonly RuntimeProbe[];
  /** The configured model comes first. */
  readonly models: readonly ModelProbe[];
  readonly verdict: { readonly wouldRun: boolean; readonly reasons: readonly string[] };
}

function resolveVerdict(
  system: SystemInfo,
  runtimes: readonly RuntimeProbe[],
  parts: { readonly model: ModelProbe | undefined; readonly runtime: "auto" | "ffi" | "binding" },
): DoctorReport["verdict"] {
  const reasons: string[] = [];
  if (!system.isNodeSupported) {
    reasons.push(`expected Node.js 20.19 or later, got ${system.nodeVersion}`);
  }
  reasons.push(...(parts.model?.reasons ?? []));
  const usable = runtimes.filter(({ path }) => parts.runtime === "auto" || path === parts.runtime);
  if (reasons.length === 0 && !usable.some(({ works }) => works)) {
    reasons.push(
      `${executorProvider.library} cannot be used: ${usable.map(({ description }) => description).join("; ")}`,
    );
  }
  return { wouldRun: reasons.length === 0, reasons };
}

function describeModel({ model, reasons }: ModelProbe): string {
  if (model === undefined) return `no: ${reasons.join("; ")}`;
  const { memoryPlan: plan } = model;
  const summary = `${model.name}, ${model.family}, ${formatCount(model.parameterCount)} parameters`;
  const memory =
    plan === undefined
      ? ""
      : `, needs ${formatBytes(plan.totalBytes + (model.answerMemoryBytes ?? 0))} for ${plan.maxSequences} x ${plan.contextTokens} tokens`;
  const warnings = model.warnings.map(({ message }) => `warning: ${message}`);
  const answer = reasons.length === 0 ? "yes" : "no";
  return [`${answer}: ${summary}${memory}`, ...reasons, ...warnings].join("\n");
}

function describeMemory(system: SystemInfo, memory: HostMemory): string {
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
    [
      "Node.js",
      `${system.nodeVersion}${system.isNodeSupported ? "" : " (unsupported; 20.19 or later is required)"}`,
    ],
    ...describeGpus(gpus),
  ];
  for (const { path, works, description } of runtimes) {
    rows.push([
      `${executorProvider.library} ${path}`,
      works ? description : `cannot be used: ${description}`,
    ]);
  }
  for (const model of models) {
    rows.push([model.origin === "embedded" ? "bundled model" : "configured model", describeModel(model)]);
  }
  const [first] = models;
  const conclusion = verdict.wouldRun
    ? `${first?.model?.name ?? "The model"} would run: infernode serve`
    : `${first?.model?.name ?? first?.directory ?? "The model"} would not run: ${verdict.reasons.join("; ")}`;
  return `${formatRows(rows, terminalColumns)}\n\n${toPrintable(conclusion)}`;
}

/** Shows hardware, runtimes and models, and whether the configured model would run. */
export const doctor: CommandRunner = async (values, context) => {
  const { config } = await resolveConfig({
    ...readConfigSources(values),
    environment: context.environment,
    directory: context.directory,
  });
  const options = engineOptionsOf(onlyModel(config));
  const [system, models] = await Promise.all([readSystemInfo(), probeModels(options)]);
  // The bundled model is the fastest to test with.
  const usable = models.filter(({ wouldRun }) => wouldRun);
  const sample = usable.find(({ origin }) => origin === "embedded") ?? usable[0];
  const runtimes = await probeRuntimes(sample?.directory ?? options.modelDirectory);
  // After the runtimes, which need a larger native stack: the first library loaded fixes its size.
  const gpus = await readGpus();
  const report: DoctorReport = {
    system,
    memory: readHostMemory(),
    gpus,
    runtimes,
    models,
    verdict: resolveVerdict(system, runtimes, { model: models[0], runtime: config.engine.runtime }),
  };
  const text =
    values["json"] === true
      ? JSON.stringify(report, undefined, 2)
      : formatReport(report, context.stdout.columns);
  await writeOutput(context.stdout, `${text}\n`);
  return report.verdict.wouldRun ? exitCodes.success : exitCodes.engineFailed;
};
