/** Control characters other than tab and line feed. A model must not send commands to the terminal. */
// oxlint-disable-next-line no-control-regex
export const controlCharacters: RegExp = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;

/** Replaces each control character with its picture (␛ for escape) or, if it has none, with U+FFFD. */
export function toPrintable(text: string): string {
  return text.replaceAll(controlCharacters, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : "\uFFFD";
  });
}

/** Formats a count for people: `3.2M`. */
export function formatCount(count: number): string {
  if (count < 1000) return String(count);
  if (count < 1e6) return `${(count / 1e3).toFixed(1)}K`;
  if (count < 1e9) return `${(count / 1e6).toFixed(1)}M`;
  return `${(count / 1e9).toFixed(2)}B`;
}

const barColumns = 30;

/** Draws a progress bar: `Quantizing the weights ██████░░░░ 60 %`. */
export function formatProgress(
  title: string,
  { doneBytes, totalBytes }: { readonly doneBytes: number; readonly totalBytes: number },
): string {
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
  const full = Math.round(share * barColumns);
  return `${title} ${"█".repeat(full)}${"░".repeat(barColumns - full)} ${Math.floor(share * 100)} %`;
}

/** Breaks a line between words; a word longer than a line is not broken. */
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

/** Formats names and values in two columns, no wider than the terminal; a value may have several lines. */
export function formatRows(
  rows: readonly (readonly [name: string, value: string])[],
  terminalColumns: number = Number.POSITIVE_INFINITY,
): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  // A narrower terminal wraps lines itself.
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
