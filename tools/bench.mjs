// `npm run bench -- <name> [options]`: builds and runs one benchmark, such as `peers`, `serving` or `micro/pool`.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseOptions } from "./parse-options.mjs";
import { assertNodeVersion, build, install, root, runOrExit } from "./setup.mjs";

assertNodeVersion();
const benchmarks = join(root, "benchmarks");
const names = ["micro", "serving", "reliability", "peers", "quality"]
  .filter((folder) => existsSync(join(benchmarks, folder)))
  .flatMap((folder) =>
    readdirSync(join(benchmarks, folder))
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `${folder}/${file.slice(0, -3)}`),
  );
const { positionals } = parseOptions({
  help: `Builds and runs a benchmark: npm run bench -- <name> [options]
  <name>      one of those below; \`peers\` is \`peers/peers\`
  [options]   of the benchmark: npm run bench -- <name> --help
${names.map((name) => `\n  ${name}`).join("")}
`,
  // The others are the benchmark's.
  args: process.argv.slice(2, 3),
  positionals: {
    name: "name",
    kind: {
      expected: `one of ${names.join(", ")}`,
      read: (given) => names.find((name) => name === given || name === `${given}/${given}`),
    },
    minimum: 1,
    maximum: 1,
  },
});
install();
build();
runOrExit(process.execPath, [join(benchmarks, "dist", `${positionals[0]}.js`), ...process.argv.slice(3)]);
