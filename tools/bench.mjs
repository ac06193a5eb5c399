// `npm run bench -- <name> [options]`: builds and runs one benchmark, such as `serving/serving` or `micro/pool`.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { assertNodeVersion, build, install, root, runOrExit } from "./setup.mjs";

const [name, ...options] = process.argv.slice(2);
assertNodeVersion();
install();
build();
const dist = join(root, "benchmarks", "dist");
const names = ["micro", "serving", "peers"]
  .filter((folder) => existsSync(join(dist, folder)))
  .flatMap((folder) =>
    readdirSync(join(dist, folder))
      .filter((file) => file.endsWith(".js"))
      .map((file) => `${folder}/${file.slice(0, -3)}`),
  );
if (name === undefined || !names.includes(name)) {
  process.stderr.write(
    `infernode: name a benchmark, one of:\n${names.map((each) => `  ${each}\n`).join("")}`,
  );
  process.exit(2);
}
runOrExit(process.execPath, [join(dist, `${name}.js`), ...options]);
