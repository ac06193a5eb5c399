// Checks the types of the programs in documents. A block of `js` that imports something is a program: it must run as it is,
// so that each name is its own. A block of `ts` is an excerpt, whose names may come from elsewhere; but what it imports, and
// what it does with it, must be there.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { build, root } from "../setup.mjs";

/** What is no mistake: in an excerpt names from elsewhere, or the same one again; in a program types that are not written. */
const allowedCodes = { ts: ["2304", "2451", "2552", "2593", "18004"], js: ["2322", "2345"] };
const isUnwrittenType = (text) => /does not exist on type '(?:unknown|.* \| \{.*)'/u.test(text);
/** Peers that are installed where they are used only, and files of whoever reads it. */
const isForeignModule = (text) => /Cannot find module '(?!@infernode\/)/u.test(text);

const packageNames = readdirSync(join(root, "packages"));
const documents = [
  "README.md",
  ...packageNames.map((name) => `packages/${name}/README.md`),
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

build();
const folder = mkdtempSync(join(tmpdir(), "infernode-programs-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Types of what a package exports, by what a program imports. */
const paths = Object.fromEntries(
  packageNames.flatMap((name) => {
    const { exports } = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
    return Object.entries(exports)
      .filter(([, { types }]) => types !== undefined)
      .map(([path, { types }]) => [
        `@infernode/${name}${path.slice(1)}`,
        [join(root, "packages", name, types)],
      ]);
  }),
);

/** File of a block by its name → where it is from. */
const blocks = new Map();
for (const document of documents) {
  const text = readFileSync(join(root, document), "utf8");
  for (const match of text.matchAll(/^```(?<language>js|ts)\n(?<program>[\s\S]*?)^```/gmu)) {
    const { language, program } = match.groups;
    if (!/^import /mu.test(program)) continue;
    const line = text.slice(0, match.index).split("\n").length;
    const name = `program-${blocks.size}.${language === "js" ? "mjs" : "mts"}`;
    writeFileSync(join(folder, name), program);
    blocks.set(name, { document, line, language });
  }
}

const compilerOptions = {
  module: "nodenext",
  target: "esnext",
  lib: ["esnext"],
  strict: true,
  noImplicitAny: false,
  useUnknownInCatchVariables: false,
  allowJs: true,
  checkJs: true,
  noEmit: true,
  skipLibCheck: true,
  types: ["node"],
  typeRoots: [join(root, "node_modules/@types")],
  paths,
};
writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({ compilerOptions, files: [...blocks.keys()] }, null, 2),
);
const compiler = join(root, "node_modules/typescript/bin/tsc");
const { stdout, stderr } = spawnSync(process.execPath, [compiler, "-p", folder, "--pretty", "false"], {
  cwd: folder,
  encoding: "utf8",
});

const failures = [];
for (const text of `${stdout}${stderr}`.split("\n").filter((each) => /\S/u.test(each))) {
  const { file, at, code } =
    /^(?<file>[\w.-]+)\((?<at>\d+),\d+\): error TS(?<code>\d+)/u.exec(text)?.groups ?? {};
  const { document, line, language } = blocks.get(file) ?? {};
  if (document === undefined) {
    // What follows an error, indented, says more about it.
    if (!/^\s/u.test(text)) failures.push(text);
    continue;
  }
  if (isForeignModule(text) || isUnwrittenType(text) || allowedCodes[language].includes(code)) continue;
  failures.push(
    `${relative(root, join(root, document))}:${line + Number(at)}: ${text.slice(text.indexOf("error"))}`,
  );
}
for (const failure of failures) process.stdout.write(`FAILED: ${failure}\n`);
process.stdout.write(`${blocks.size} programs and excerpts of ${documents.length} documents\n`);
process.exit(failures.length === 0 && blocks.size > 0 ? 0 : 1);
