// `npm start [-- options]`: sets everything up and runs the daemon; options go to `infernode serve`.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { assertNodeVersion, build, install, root } from "./setup.mjs";

assertNodeVersion();
install();
build();

const child = spawn(
  process.execPath,
  [join(root, "packages", "backend", "bin", "infernode.js"), "serve", ...process.argv.slice(2)],
  { stdio: "inherit" },
);
// A terminal sends Ctrl-C to the daemon as well; a signal to this program alone is passed on.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
}
// npm ends at SIGTERM without passing it further than its shell: the daemon must not outlive it.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  child.kill("SIGTERM");
}, 250);
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
