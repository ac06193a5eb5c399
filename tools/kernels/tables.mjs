// Tables of the figures.
const row = (cells) => `| ${cells.join(" | ")} |`;
export const table = (head, rows) => [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
export const share = (value) => `${(value * 100).toFixed(0)} %`;
export const thousands = (value) => Math.round(value).toLocaleString("en-US");
