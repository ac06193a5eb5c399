// The page of a report: what was checked, and what was measured, beside other software where that was measured too.

const format = (value) => (value === undefined ? "" : Number(value.toPrecision(4)).toString());
const row = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

/** Writes a report as Markdown. */
export function formatPage({ subject, isStandIn, device, node, results }) {
  // Those of the host are measured over the stand-in too.
  const figures = results.flatMap(({ figures: list = [], hostFigures = [] }) => [...list, ...hostFigures]);
  const peers = [...new Set(figures.map(({ by }) => by).filter((by) => by !== undefined))];
  const peerOf = (what, name) => figures.find((figure) => figure.by === name && figure.what === what);
  const own = figures.filter(({ by }) => by === undefined);
  const names = new Set(own.map(({ what }) => what));
  const others = figures.filter(({ by, what }) => by !== undefined && !names.has(what));
  const copy = own.find(({ what }) => what.startsWith("copy on the device"))?.value;
  const lines = own.map(({ what, value, unit, spread, warps, splits }) =>
    [
      what,
      format(value),
      unit,
      spread === undefined || value === undefined ? "" : `${(spread * 100).toFixed(1)} %`,
      unit === "TB/s" && value !== undefined && copy !== undefined
        ? `${((value / copy) * 100).toFixed(0)} %`
        : "",
      [warps && `${warps} warps`, splits && `${splits} splits`].filter(Boolean).join(", "),
    ].concat(peers.map((name) => format(peerOf(what, name)?.value))),
  );
  const head = ["what", "median", "unit", "spread", "share of the copy", "best with", ...peers];
  const steps = results.map(
    ({ name, status, seconds, totalSeconds, checks = [], testCount, reason, error }) => [
      name,
      status,
      format(seconds ?? totalSeconds),
      testCount ?? (checks.length === 0 ? "" : checks.length),
      String(reason ?? error ?? "")
        .split("\n")[0]
        .replaceAll("|", "\\|")
        .slice(0, 160),
    ],
  );
  return `# Check of ${subject}

${isStandIn ? "**Over the stand-in driver: no speed was measured.**" : `${device?.name}, CUDA ${device?.cudaVersion}, Node ${node}.`} Medians of rounds; spread is the distance between the quartiles. Inputs are random, outputs NaN before.

## Measured

${table(head, lines)}
${
  others.length === 0
    ? ""
    : `\nMeasured with other software only:\n\n${table(
        ["what", "median", "unit", "by"],
        others.map(({ what, value, unit, by }) => [what, format(value), unit, by]),
      )}\n`
}
## Checked

${table(["step", "result", "seconds", "comparisons or tests", "why"], steps)}
`;
}
