// Every code of an `errors.ts` has a row in docs/errors/<package>.md, and every row a code.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "../setup.mjs";
import { listFiles } from "./list-files.mjs";

let count = 0;
const complain = (text) => {
  count += 1;
  process.stderr.write(`${text}\n`);
};
for (const name of readdirSync(join(root, "packages"))) {
  const sources = listFiles(join(root, "packages", name, "src"), "errors.ts").map((file) =>
    readFileSync(file, "utf8"),
  );
  const source = listFiles(join(root, "packages", name, "src"), ".ts")
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  const union =
    sources
      .join("\n")
      .match(/type \w*Code =[\s\S]*?;/g)
      ?.join("\n") ?? "";
  const codes = new Set([...union.matchAll(/"([A-Z][A-Z0-9_]+)"/g)].map((match) => match[1]));
  const page = join(root, "docs", "errors", `${name}.md`);
  if (!existsSync(page)) {
    complain(`docs/errors/${name}.md is missing`);
    continue;
  }
  const rows = new Set(
    [...readFileSync(page, "utf8").matchAll(/^\|\s*`([A-Z][A-Z0-9_]+)`/gm)].map((match) => match[1]),
  );
  for (const code of codes) if (!rows.has(code)) complain(`docs/errors/${name}.md has no row for ${code}`);
  for (const code of rows) {
    if (!source.includes(`"${code}"`)) {
      complain(`docs/errors/${name}.md names ${code}, which ${name} does not throw`);
    }
  }
}
process.exit(count === 0 ? 0 : 1);
