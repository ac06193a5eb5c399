import { mkdirSync, writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import { dirname } from "node:path";

/** The conditions of a measurement, in every result file. */
export interface Conditions {
  readonly date: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cpuCount: number;
  readonly memoryGiB: number;
}

export function readConditions(): Conditions {
  return {
    date: new Date().toISOString(),
    node: process.version,
    platform: `${platform()}-${arch()}`,
    cpu: cpus()[0]?.model ?? "unknown",
    cpuCount: availableParallelism(),
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
  };
}

/** Writes `{ benchmark, conditions, … }` as JSON. */
export function writeReport(
  path: string,
  benchmark: string,
  result: Readonly<Record<string, unknown>>,
): void {
  mkdirSync(dirname(path), { recursive: true });
  const report = { benchmark, conditions: readConditions(), ...result };
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
}
