/** Writes names and values in two columns; a value may have several lines. */
export function formatRows(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .map(([name, value]) => {
      const [first = "", ...rest] = value.split("\n");
      return [`${name.padEnd(width)}  ${first}`, ...rest.map((line) => `${" ".repeat(width)}  ${line}`)].join(
        "\n",
      );
    })
    .join("\n");
}
