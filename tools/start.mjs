// `npm start [-- options]`: sets everything up and runs the daemon; options go to `infernode serve`.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assertNodeVersion, build, install, root } from "./setup.mjs";

/** A process manager may signal npm, this program and the daemon at once, and npm forwards it as well. */
const sameSignalMs = 1000;

assertNodeVersion();
warnOfNpmAsInit();
install();
build();

const child = spawn(
  process.execPath,
  [join(root, "packages", "backend", "bin", "infernode.js"), "serve", ...process.argv.slice(2)],
  // The daemon expects a signal twice, as from npm.
  { stdio: "inherit", env: { ...process.env, npm_lifecycle_event: "start" } },
);
const passedAtMs = new Map();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // A terminal sends Ctrl-C to the daemon as well; a signal to this program only is forwarded.
    if (signal === "SIGINT" && process.stdin.isTTY) return;
    const now = performance.now();
    const isRepeated = now - (passedAtMs.get(signal) ?? -Infinity) < sameSignalMs;
    if (isRepeated) return;
    passedAtMs.set(signal, now);
    child.kill(signal);
  });
}
// npm forwards a signal only to its shell, which exits without forwarding it: the daemon must not outlive them.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  // A second signal would kill it at once.
  if (passedAtMs.size === 0) child.kill("SIGTERM");
}, 250);
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));

/** In a container whose process 1 is npm, all processes end with npm, which does not wait for the drain. */
function warnOfNpmAsInit() {
  try {
    const shell = readFileSync(`/proc/${process.ppid}/stat`, "utf8");
    const grandparent = shell.slice(shell.lastIndexOf(")")).split(" ")[2];
    const init = readFileSync("/proc/1/cmdline", "utf8");
    const isNpm = /^npm\b|[/\\]npm(?:-cli\.js)?\0/.test(init);
    if (!isNpm || (grandparent !== "1" && process.ppid !== 1)) return;
  } catch {
    return;
  }
  process.stderr.write(
    "infernode: npm is process 1 here and does not wait for the daemon to drain; start `node tools/start.mjs` instead\n",
  );
}
