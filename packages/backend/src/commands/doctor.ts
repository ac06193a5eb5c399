import { surveyDevices, type DeviceSurvey } from "@infernode/memory";
import { resolveConfig } from "../config/resolve-config.ts";
import { engineOptionsOf } from "../daemon/engine-options.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandRunner } from "./command-context.ts";
import { probeModels, type ModelProbe } from "./doctor-models.ts";
import { probeRuntimes, type RuntimeProbe } from "./doctor-runtimes.ts";
import { gatherSystem, type SystemFacts } from "./doctor-system.ts";
import { formatBytes, formatCount } from "./format-numbers.ts";
import { formatRows } from "./format-rows.ts";
import { configSourcesOf } from "./setting-options.ts";

/** What is on this machine, and what would run. */
export interface DoctorReport {
  readonly system: SystemFacts;
  readonly devices: readonly {
    readonly id: string;
    readonly kind: string;
    readonly name: string;
    readonly totalBytes: number;
    readonly freeBytes: number;
  }[];
  /** Kinds of devices that were looked for and not found, with the reason. */
  readonly absences: DeviceSurvey["absences"];
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
  if (!system.isNodeSupported)
    reasons.push(`Node.js 20.19 or later is needed, this is ${system.nodeVersion}`);
  const usable = runtimes.filter(({ path }) => parts.runtime === "auto" || path === parts.runtime);
  if (!usable.some(({ works }) => works)) {
    reasons.push(`onnxruntime does not load: ${usable.map(({ description }) => description).join("; ")}`);
  }
  reasons.push(...(parts.model?.reasons ?? []));
  return { wouldRun: reasons.length === 0, reasons };
}

function describeModel({ model, reasons }: ModelProbe): string {
  if (model === undefined) return `no: ${reasons.join("; ")}`;
  const { memoryPlan: plan } = model;
  const sizes = `${plan.maxSequences} x ${plan.contextTokens} tokens`;
  const facts = `${model.name}, ${model.family}, ${formatCount(model.parameterCount)} parameters`;
  const memory = `needs ${formatBytes(plan.totalBytes)} for ${sizes}`;
  return reasons.length === 0 ? `yes: ${facts}, ${memory}` : `no: ${facts}, ${memory}\n${reasons.join("\n")}`;
}

function formatReport(report: DoctorReport): string {
  const { system, devices, absences, runtimes, models, verdict } = report;
  const features = system.processorFeatures?.join(" ") ?? "unknown features";
  const physical = system.physicalCores === undefined ? "" : `, ${system.physicalCores} physical`;
  const rows: (readonly [string, string])[] = [
    ["system", `${system.os}, ${system.architecture}, ${formatBytes(system.totalBytes)} of memory`],
    ["processor", `${system.processor}\n${system.logicalCores} cores${physical}; ${features}`],
    ["Node.js", `${system.nodeVersion}${system.isNodeSupported ? "" : " (too old: 20.19 is needed)"}`],
  ];
  for (const { id, name, totalBytes, freeBytes } of devices) {
    rows.push([`device ${id}`, `${name}: ${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}`]);
  }
  for (const { probe, reason } of absences) rows.push([`no ${probe} device`, reason]);
  for (const { path, works, description } of runtimes) {
    rows.push([`onnxruntime ${path}`, works ? description : `does not load: ${description}`]);
  }
  for (const model of models) rows.push([`${model.origin} model`, describeModel(model)]);
  const [first] = models;
  const sentence = verdict.wouldRun
    ? `${first?.model?.name ?? "The model"} would run: infernode serve`
    : `${first?.model?.name ?? first?.directory ?? "The model"} would not run: ${verdict.reasons.join("; ")}`;
  return `${formatRows(rows)}\n\n${sentence}`;
}

/** Says what hardware, runtimes and models are there and what would run. */
export const doctor: CommandRunner = async (values, context) => {
  const { config } = await resolveConfig({ ...configSourcesOf(values), environment: context.environment });
  const options = engineOptionsOf(config);
  const survey = surveyDevices();
  const [system, models] = await Promise.all([gatherSystem(), probeModels(options)]);
  // The embedded model is the quickest to try with.
  const readable = models.filter(({ fits }) => fits);
  const sample = readable.find(({ origin }) => origin === "embedded") ?? readable[0];
  const runtimes = await probeRuntimes(sample?.directory ?? options.modelDirectory);
  const report: DoctorReport = {
    system,
    devices: survey.devices.map((device) => ({
      id: device.id,
      kind: device.kind,
      name: device.name,
      totalBytes: device.totalBytes,
      freeBytes: device.freeBytes(),
    })),
    absences: survey.absences,
    runtimes,
    models,
    verdict: judge(system, runtimes, { model: models[0], runtime: config.engine.runtime }),
  };
  const text = values["json"] === true ? JSON.stringify(report, undefined, 2) : formatReport(report);
  context.stdout.write(`${text}\n`);
  return report.verdict.wouldRun ? exitCodes.success : exitCodes.engineFailed;
};
