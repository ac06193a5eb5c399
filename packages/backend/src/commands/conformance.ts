import { BackendError } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";
import { conformanceAreas } from "../wire-conformance/areas.ts";
import { findModel } from "../wire-conformance/find-model.ts";
import { caseIds, runCases } from "../wire-conformance/run-cases.ts";
import type { CaseResult } from "../wire-conformance/shared/conformance-case.ts";
import { createProbedServer } from "../wire-conformance/shared/probed-server.ts";
import type { CommandRunner } from "./command-context.ts";
import { countOutcomes, formatCounts, formatResult } from "./conformance-report.ts";
import { writeOutput } from "./standard-streams.ts";
import { toPrintable } from "./terminal-text.ts";

type Values = Parameters<CommandRunner>[0];

function textOf(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** The address of the API: an address without a path is that of the server, whose API is under `/v1`. */
function readBaseUrl(values: Values): string {
  const [text = ""] = Array.isArray(values["arguments"]) ? values["arguments"].map(String) : [];
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !["http:", "https:"].includes(url.protocol) ||
    url.search !== "" ||
    url.hash !== ""
  ) {
    throw new BackendError(
      "INVALID_CONFIG",
      `expected an address such as http://127.0.0.1:8000, got '${text}'`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new BackendError(
      "INVALID_CONFIG",
      "expected an address without a password, got one: see --api-key",
    );
  }
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.origin}${path === "" ? "/v1" : path}`;
}

/** Areas and cases to run; an unknown one is an error. */
function readOnly(values: Values): readonly string[] {
  const asked = (textOf(values, "only") ?? "").split(",").filter((each) => each !== "");
  const names = conformanceAreas.map(({ name }) => name);
  const known = new Set([...names, ...caseIds(conformanceAreas)]);
  const other = asked.find((each) => !known.has(each));
  if (other === undefined) return asked;
  throw new BackendError(
    "INVALID_CONFIG",
    `expected areas (${names.join(", ")}) or cases such as chunks/role for --only, got '${other}'`,
  );
}

const maxSeconds = 86_400;

function readMs(values: Values, name: string, flag: string): number {
  const seconds = Number(values[name]);
  if (seconds > 0 && seconds <= maxSeconds) return 1000 * seconds;
  throw new BackendError(
    "INVALID_CONFIG",
    `expected seconds above 0, to ${maxSeconds}, for ${flag}, got '${String(values[name])}'`,
  );
}

/** Runs the cases against a server and shows where it deviates from what clients need. */
export const conformance: CommandRunner = async (values, context) => {
  const baseUrl = readBaseUrl(values);
  const only = readOnly(values);
  const isJson = values["json"] === true;
  const runMs = readMs(values, "timeout", "--timeout");
  const requestMs = readMs(values, "requestTimeout", "--request-timeout");
  const controller = new AbortController();
  const stop = context.onSignal("SIGINT", () => controller.abort());
  const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(runMs)]);
  const connection = { baseUrl, apiKey: textOf(values, "apiKey"), timeoutMs: requestMs, signal };
  const startedAtMs = performance.now();
  const results: CaseResult[] = [];
  try {
    const model = textOf(values, "model") ?? (await findModel(connection));
    if (!isJson) await writeOutput(context.stdout, `${toPrintable(`${baseUrl}, model ${model}`)}\n`);
    const server = createProbedServer({ ...connection, model });
    for await (const result of runCases({ server, areas: conformanceAreas, only, signal })) {
      if (!isJson) {
        await writeOutput(context.stdout, formatResult(result, results.at(-1), context.stdout.columns));
      }
      results.push(result);
    }
    const counts = countOutcomes(results);
    const durationMs = Math.round(performance.now() - startedAtMs);
    const text = isJson
      ? JSON.stringify(
          { url: baseUrl, model, durationMs, isWhole: !signal.aborted, counts, results },
          undefined,
          2,
        )
      : `\n${formatCounts(counts, durationMs)}${signal.aborted ? "; ended early" : ""}`;
    await writeOutput(context.stdout, `${text}\n`);
    if (controller.signal.aborted) return exitCodes.interrupted;
    return counts.deviates === 0 && counts.pass > 0 && !signal.aborted
      ? exitCodes.success
      : exitCodes.failure;
  } finally {
    stop();
  }
};
