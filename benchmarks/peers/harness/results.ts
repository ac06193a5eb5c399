import { median } from "../../lib/statistics.ts";
import { formatTable } from "../../lib/table.ts";

/** One measure of ours beside one peer. */
export interface PeerMeasure {
  readonly name: string;
  readonly peer: string;
  readonly unit: string;
  readonly ours: number;
  readonly theirs: number;
  /** Above 1, ours is better: more tokens per second, less time, less memory. */
  readonly ratio: number;
  readonly shape: string;
  readonly mode: string;
}

/** Values of rounds, one of each side in every round. */
export interface Rounds {
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

/** Medians, and the median of the ratios of the rounds. */
export function summarize(
  { ours, theirs }: Rounds,
  isLowerBetter: boolean,
): Pick<PeerMeasure, "ours" | "theirs" | "ratio"> {
  const ratios = ours.map((value, at) => (isLowerBetter ? theirs[at]! / value : value / theirs[at]!));
  return { ours: median(ours), theirs: median(theirs), ratio: median(ratios) };
}

export function formatMeasures(measures: readonly PeerMeasure[]): string {
  return formatTable(
    ["measure", "shape", "mode", "peer", "unit", "ours", "theirs", "ratio"],
    measures.map(({ name, shape, mode, peer, unit, ours, theirs, ratio }) => [
      name,
      shape,
      mode,
      peer,
      unit,
      formatNumber(ours),
      formatNumber(theirs),
      formatNumber(ratio),
    ]),
  );
}

function formatNumber(value: number): string {
  return Number.isNaN(value) ? "-" : value.toPrecision(value >= 1000 ? 4 : 3);
}
