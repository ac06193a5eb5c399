import type { ExecutorMemoryPlan } from "@infernode/inference";
import { formatBytes } from "@infernode/memory";
import type { ExecutorChoice } from "../models/engine/choose-executor.ts";

/** What runs a model, and why, as plain data. */
export interface ExecutorDescription {
  readonly name: string;
  readonly reason: string;
  /** Where its memory is, such as `cpu` or `cuda:0`. */
  readonly device: string;
  readonly warning: string | undefined;
}

/** Describes what runs a model. */
export function describeExecutor({ planner, reason, gpu, warning }: ExecutorChoice): ExecutorDescription {
  return { name: planner.name, reason, device: gpu?.id ?? "cpu", warning };
}

/** What a model takes of each memory, such as `198 MiB on cuda:0 and 256 MiB of the host`. */
export function formatNeeds(
  { totalBytes, hostBytes }: ExecutorMemoryPlan,
  { device, answerMemoryBytes }: { readonly device: string; readonly answerMemoryBytes: number },
): string {
  if (hostBytes === undefined) return formatBytes(totalBytes + answerMemoryBytes);
  return `${formatBytes(totalBytes)} on ${device} and ${formatBytes(hostBytes + answerMemoryBytes)} of the host`;
}
