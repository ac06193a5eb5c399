import { toPrintable } from "./printable.ts";

/** Breaks a line between words; a word that is longer than a line stays whole. */
function wrap(line: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(" ")) {
    if (current !== "" && current.length + 1 + word.length > columns) {
      lines.push(current);
      current = word;
    } else {
      current += current === "" ? word : ` ${word}`;
    }
  }
  return [...lines, current];
}

/** Writes names and values in two columns, no wider than the terminal; a value may have several lines. */
export function formatRows(
  rows: readonly (readonly [name: string, value: string])[],
  terminalColumns: number = Number.POSITIVE_INFINITY,
): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  // A terminal that is narrower than this wraps by itself.
  const columns = Math.max(terminalColumns - width - 2, 20);
  return rows
    .flatMap(([name, value]) =>
      toPrintable(value)
        .split("\n")
        .flatMap((line) => wrap(line, columns))
        .map((line, index) => `${(index === 0 ? name : "").padEnd(width)}  ${line}`),
    )
    .join("\n");
}
