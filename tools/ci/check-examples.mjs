// Runs every compiled example as a user would, with a timeout of a minute.
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build, root } from "../setup.mjs";

build();
const folder = join(root, "examples", "dist");
const files = readdirSync(folder).filter((file) => file.endsWith(".js"));
let failed = files.length === 0 ? 1 : 0;
for (const file of files) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, file)], {
    encoding: "utf8",
    timeout: 60_000,
  });
  const isGood = status === 0 && stdout.trim() !== "";
  if (!isGood) failed += 1;
  process.stdout.write(
    `${isGood ? "ok" : `FAILED (exit ${status})`}: examples/${file}\n${isGood ? "" : stdout + stderr}`,
  );
}
// The first screen shows the program that the package's own README shows, which runs from its tarball.
const program = /```js\n[\s\S]*?```/.exec(
  readFileSync(join(root, "packages/inference/README.md"), "utf8"),
)?.[0];
if (program === undefined || !readFileSync(join(root, "README.md"), "utf8").includes(program)) {
  failed += 1;
  process.stdout.write("FAILED: README.md does not show the program of packages/inference/README.md\n");
}
// It also shows chat without a server, as the example has it.
const chat = readFileSync(join(root, "examples/chat.ts"), "utf8").split("\n").slice(1).join("\n");
if (!readFileSync(join(root, "README.md"), "utf8").includes(chat)) {
  failed += 1;
  process.stdout.write("FAILED: README.md does not show examples/chat.ts\n");
}
process.exit(failed === 0 ? 0 : 1);
