// `npm run bench -- <name> [options]`: builds and runs one benchmark, such as `peers`, `serving` or `micro/pool`.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { assertNodeVersion, build, install, root, runOrExit } from "./setup.mjs";

const [given, ...options] = process.argv.slice(2);
assertNodeVersion();
install();
build();
const benchmarks = join(root, "benchmarks");
const names = ["micro", "serving", "reliability", "peers", "quality"]
  .filter((folder) => existsSync(join(benchmarks, folder)))
  .flatMap((folder) =>
    readdirSync(join(benchmarks, folder))
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `${folder}/${file.slice(0, -3)}`),
  );
// A folder with one benchmark of its name needs no second name: `peers` is `peers/peers`.
const name = names.find((each) => each === given || each === `${given}/${given}`);
if (name === undefined) {
  process.stderr.write(
    `infernode: name a benchmark, one of:\n${names.map((each) => `  ${each}\n`).join("")}`,
  );
  process.exit(2);
}
runOrExit(process.execPath, [join(benchmarks, "dist", `${name}.js`), ...options]);
