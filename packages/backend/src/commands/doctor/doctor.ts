import type { HealthStatus } from "@infernode/health";
import { formatBytes, readHostMemory, type HostMemory } from "@infernode/memory";
import { readGpus, type GpuInventory } from "@infernode/memory/cuda";
import { resolveConfig } from "../../config/resolve/resolve-config.ts";
import { chooseExecutors } from "../../models/engine/choose-executor.ts";
import { readVisibleGpus } from "../../models/gpu/find-gpu.ts";
import { defaultCacheDirectory } from "../../models/cache/cache-directory.ts";
import { exitCodes } from "../../exit-codes.ts";
import { quantizedAs } from "../banner.ts";
import { formatNeeds } from "../describe-executor.ts";
import type { CommandRunner } from "../command-context.ts";
import { describeDeviations } from "../../models/gpu/kernel-verdict.ts";
import { describeGpuCheck } from "./describe-gpu-check.ts";
import { describeGpus } from "./describe-gpus.ts";
import {
  probeBundledModel,
  probeModels,
  probeRuntimes,
  type ModelProbe,
  type RuntimeProbe,
} from "./doctor-probes.ts";
import { describeRegistry, probeRegistry, type RegistryProbe } from "./doctor-registry.ts";
import { probeStore, type StoreProbe } from "./doctor-store.ts";
import { readSystemInfo, type SystemInfo } from "./doctor-system.ts";
import { createGpuProber, type GpuProbe } from "./probe-gpu.ts";
import { readConfigSources } from "../setting-options.ts";
import { writeOutput } from "../standard-streams.ts";
import { formatCount, formatRows, toPrintable } from "../terminal-text.ts";

/** Hardware, runtimes and models of this machine, and whether the configured models would run. */
export interface DoctorReport {
  readonly system: SystemInfo;
  /** Available to this process, within the limits of its container. */
  readonly memory: HostMemory;
  readonly gpus: GpuInventory;
  /** UUIDs of the GPUs that CUDA shows this program; `undefined` where it shows none. */
  readonly visibleGpus: readonly string[] | undefined;
  /** Of the GPU that the settings name; `undefined` where the CUDA executor can use none. */
  readonly gpuCheck: GpuProbe | undefined;
  readonly runtimes: readonly RuntimeProbe[];
  /** What `auto` takes, and why. */
  readonly executor: { readonly name: string; readonly reason: string };
  /** The configured models come first. */
  readonly models: readonly ModelProbe[];
  /** The file of the store, if one is configured, and whether `serve` could write it. */
  readonly store: StoreProbe | undefined;
  /** The service registry, if one is configured, and what is in it. */
  readonly registry: RegistryProbe | undefined;
  readonly verdict: {
    /** Whether `serve` would run all of them. */
    readonly wouldRun: boolean;
    /** What the readiness of `serve` would be: `degraded` if it would run only some of them. */
    readonly readiness: HealthStatus["status"];
    readonly reasons: readonly string[];
    /** The configured models. */
    readonly models: readonly string[];
  };
}

/** Why the configured models would not run, if so; the reasons of one among several begin with its id. */
function judge(
  system: SystemInfo,
  runtimes: readonly RuntimeProbe[],
  { models, store, registry, gpuCheck }: Pick<DoctorReport, "models" | "store" | "registry" | "gpuCheck">,
): DoctorReport["verdict"] {
  const ofModels = models.map(({ id, reasons, executor, runtime }) => {
    const usable = runtimes.filter(
      (probe) => probe.executor === executor && (runtime === "auto" || probe.path === runtime),
    );
    const works = usable.some((probe) => probe.works);
    const problems = usable.map(({ description }) => description).join("; ");
    const deviations = executor === "cuda" && gpuCheck !== undefined ? describeDeviations(gpuCheck) : "";
    const own = deviations === "" ? reasons : [...reasons, deviations];
    const all = works || own.length > 0 ? own : [`the executor ${executor} cannot be used: ${problems}`];
    return models.length === 1
      ? all
      : all.map((reason) => (reason.startsWith(`${id}: `) ? reason : `${id}: ${reason}`));
  });
  const expectedNode = `expected Node.js 20.19 or later, got ${system.nodeVersion}`;
  const ofDaemon = [
    ...(system.isNodeSupported ? [] : [expectedNode]),
    ...(store?.reasons ?? []),
    ...(registry?.reasons ?? []),
  ];
  const reasons = [...ofDaemon, ...ofModels.flat()];
  const someRun = ofDaemon.length === 0 && ofModels.some((each) => each.length === 0);
  return {
    wouldRun: reasons.length === 0,
    readiness: reasons.length === 0 ? "healthy" : someRun ? "degraded" : "unhealthy",
    reasons,
    models: models.map(({ id }) => id),
  };
}

function formatVerdict({ wouldRun, readiness, reasons, models }: DoctorReport["verdict"]): string {
  const names = models.join(", ");
  if (wouldRun) return `${names} would run: infernode serve, with the same options`;
  const others = readiness === "degraded" ? "; infernode serve would run the others and be degraded" : "";
  return `${names} would not run: ${reasons.join("; ")}${others}`;
}

function describeModel({ id, model, reasons, device }: ModelProbe): string {
  if (model === undefined) return [`no: ${id}`, ...reasons].join("\n");
  const { memoryPlan: plan } = model;
  const summary = `${id}, ${model.family}, ${formatCount(model.parameterCount)} parameters${quantizedAs(model.quantization)}`;
  const memory =
    plan === undefined
      ? ""
      : `, needs ${formatNeeds(plan, { device, answerMemoryBytes: model.answerMemoryBytes ?? 0 })} ` +
        `for ${plan.maxSequences} x ${plan.contextTokens} tokens`;
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
  const { system, memory, gpus, visibleGpus, gpuCheck, runtimes } = report;
  const { executor, models, store, registry, verdict } = report;
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
    ...describeGpus(gpus, visibleGpus),
  ];
  if (gpuCheck !== undefined) rows.push(...describeGpuCheck(gpuCheck));
  for (const { library, path, works, description } of runtimes) {
    rows.push([`${library} ${path}`, works ? description : `cannot be used: ${description}`]);
  }
  rows.push(["executor", `${executor.name} by default (${executor.reason}); others with --executor`]);
  for (const model of models) {
    rows.push([model.origin === "embedded" ? "bundled model" : "configured model", describeModel(model)]);
  }
  if (store !== undefined) {
    rows.push(["store", store.works ? store.file : `cannot be used: ${store.reasons.join("; ")}`]);
  }
  if (registry !== undefined) rows.push(["registry", describeRegistry(registry)]);
  return `${formatRows(rows, terminalColumns)}\n\n${toPrintable(formatVerdict(verdict))}`;
}

/** Shows hardware, runtimes and models, and whether the configured models would run. */
export const doctor: CommandRunner = async (values, context) => {
  const { config } = await resolveConfig({
    ...readConfigSources(values),
    environment: context.environment,
    directory: context.directory,
  });
  const cacheDirectory = config.engine.cacheDirectory ?? defaultCacheDirectory(context.environment);
  using prober = createGpuProber(cacheDirectory);
  const { verifyGpu } = prober;
  const [system, configured, store, registry] = await Promise.all([
    readSystemInfo(),
    probeModels(config, verifyGpu),
    probeStore(config.store),
    probeRegistry(config, context.environment["CONSUL_HTTP_TOKEN"]),
  ]);
  const hasBundled = configured.some(({ origin }) => origin === "embedded");
  const models = hasBundled ? configured : [...configured, ...(await probeBundledModel(config, verifyGpu))];
  // The bundled model is the fastest to test with.
  const usable = models.filter(({ wouldRun }) => wouldRun);
  const sample = usable.find(({ origin }) => origin === "embedded") ?? usable[0] ?? models[0];
  const runtimes = await probeRuntimes(sample?.directory ?? "", config.engine);
  // After the runtimes, which need a larger native stack: the first library loaded fixes its size.
  const gpus = await readGpus();
  const { device } = config.engine;
  const gpuCheck = await prober.probe(device);
  const [choice] = await chooseExecutors({ executor: "auto", device }, { verifyGpu });
  const report: DoctorReport = {
    system,
    memory: readHostMemory(),
    gpus,
    visibleGpus: readVisibleGpus(),
    gpuCheck,
    runtimes,
    executor: { name: choice.planner.name, reason: choice.reason },
    models,
    store,
    registry,
    verdict: judge(system, runtimes, { models: configured, store, registry, gpuCheck }),
  };
  const text =
    values["json"] === true
      ? JSON.stringify(report, undefined, 2)
      : formatReport(report, context.stdout.columns);
  await writeOutput(context.stdout, `${text}\n`);
  // As a check: whoever configured several models wants all of them, also where `serve` would run some.
  return report.verdict.wouldRun ? exitCodes.success : exitCodes.engineFailed;
};
