import type { CaseResult, Outcome } from "../wire-conformance/shared/conformance-case.ts";
import { formatRows, toPrintable } from "./terminal-text.ts";

const outcomeTexts: Readonly<Record<Outcome, string>> = {
  pass: "pass",
  deviates: "DEVIATES",
  unsupported: "not supported",
  skipped: "skipped",
};

/** How many cases came to each outcome. */
export function countOutcomes(results: readonly CaseResult[]): Readonly<Record<Outcome, number>> {
  const counts = { pass: 0, deviates: 0, unsupported: 0, skipped: 0 };
  for (const { outcome } of results) counts[outcome] += 1;
  return counts;
}

/** The last line of a report. */
export function formatCounts(counts: Readonly<Record<Outcome, number>>, durationMs: number): string {
  const parts = [
    `${counts.pass} pass`,
    `${counts.deviates} deviate`,
    `${counts.unsupported} are not supported`,
    `${counts.skipped} are skipped`,
  ];
  return `${parts.join(", ")}; ${(durationMs / 1000).toFixed(1)} s`;
}

const areaOf = (result: CaseResult | undefined): string | undefined => result?.id.split("/")[0];
const nameWidth = 22;

/** The lines of a result, below the name of its area where that is not the one of the result before. */
export function formatResult(
  result: CaseResult,
  previous: CaseResult | undefined,
  terminalColumns: number | undefined,
): string {
  const { id, outcome, expected, got = "", breaks = "" } = result;
  const [area = "", name = ""] = id.split("/");
  const title = area === areaOf(previous) ? "" : `\n${area}\n`;
  const reason = outcome === "unsupported" || outcome === "skipped" ? `: ${got}` : "";
  const line = toPrintable(`  ${name.padEnd(nameWidth)}${outcomeTexts[outcome]}${reason}`);
  if (outcome !== "deviates") return `${title}${line}\n`;
  const rows = formatRows(
    [
      ["    expected", expected],
      ["    got", got],
      ["    breaks", breaks],
    ],
    terminalColumns,
  );
  return `${title}${line}\n${rows}\n`;
}
