// `npm test [-- options]`: sets everything up and runs every test; options go to vitest.
import { join } from "node:path";
import { assertNodeVersion, build, install, root, runOrExit } from "./setup.mjs";

assertNodeVersion();
install();
build();
runOrExit(process.execPath, [
  join(root, "node_modules", "vitest", "vitest.mjs"),
  "run",
  ...process.argv.slice(2),
]);
