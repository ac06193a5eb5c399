import {
  CaseEnd,
  type CaseResult,
  type ConformanceArea,
  type ConformanceCase,
} from "./shared/conformance-case.ts";
import type { ProbedServer } from "./shared/probed-server.ts";

export interface RunCasesOptions {
  readonly server: ProbedServer;
  readonly areas: readonly ConformanceArea[];
  /** Areas (`tools`) or cases (`tools/type`) to run; all if there are none. */
  readonly only: readonly string[];
  /** Limit of the run: the cases that are left are skipped. */
  readonly signal: AbortSignal;
}

/** The ids of all cases. */
export function caseIds(areas: readonly ConformanceArea[]): readonly string[] {
  return areas.flatMap((area) => area.cases.map(({ name }) => `${area.name}/${name}`));
}

async function runCase(id: string, own: ConformanceCase, options: RunCasesOptions): Promise<CaseResult> {
  const { expected, breaks } = own;
  const { server, signal } = options;
  const late = { id, outcome: "skipped", expected, got: "the time of the run was over" } as const;
  if (signal.aborted) return late;
  try {
    const got = await own.check(server);
    return got === undefined
      ? { id, outcome: "pass", expected }
      : { id, outcome: "deviates", expected, got, breaks };
  } catch (error) {
    if (signal.aborted) return late;
    if (!(error instanceof CaseEnd)) throw error;
    const { outcome, message: got } = error;
    return outcome === "deviates" ? { id, outcome, expected, got, breaks } : { id, outcome, expected, got };
  }
}

/** Runs cases one after the other and yields what became of each. */
export async function* runCases(options: RunCasesOptions): AsyncGenerator<CaseResult> {
  const { areas, only } = options;
  for (const area of areas) {
    for (const own of area.cases) {
      const id = `${area.name}/${own.name}`;
      if (only.length > 0 && !only.includes(area.name) && !only.includes(id)) continue;
      yield await runCase(id, own, options);
    }
  }
}
