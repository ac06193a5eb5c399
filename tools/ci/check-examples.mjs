// Runs every compiled example as a user would; an example that does not end in a minute has failed.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
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
process.exit(failed === 0 ? 0 : 1);
