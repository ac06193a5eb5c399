#!/usr/bin/env node
import { readFileSync } from "node:fs";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const isOld = major < 20 || (major === 20 && minor < 19);

/** Its modules are read side by side, about 100; a running daemon has 25, and one for each connection. */
const neededFileCount = 128;

/** As `ulimit -n` tells it; `undefined` where the system has no such file, or no limit. */
function allowedFileCount() {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

function refuse(problem) {
  process.stderr.write(`infernode: ${problem}\n`);
  process.exitCode = 1;
}

const allowed = allowedFileCount() ?? neededFileCount;
// An older Node.js would fail somewhere inside, in words that help nobody; `doctor` says more than that.
if (isOld && process.argv[2] !== "doctor") {
  refuse(`Node.js 20.19 or later is needed, this is ${process.versions.node}`);
} else if (allowed < neededFileCount) {
  // How many are open at once depends on how quickly they are read: it would fail now and then, and anywhere.
  refuse(
    `this process may have ${allowed} files open and needs ${neededFileCount} to start; raise \`ulimit -n\``,
  );
} else {
  await import("../bundle/cli.js");
}
