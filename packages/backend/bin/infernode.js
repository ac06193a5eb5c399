#!/usr/bin/env node
// An older Node.js would fail somewhere inside, in words that help nobody; `doctor` says more than that.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

/** Its modules are read side by side, about 100; a running daemon has 25, and one for each connection. */
const neededFileCount = 128;

/** As `ulimit -n` tells it. */
function allowedFileCount() {
  return process.report.getReport().userLimits?.open_files?.soft ?? "too few";
}

if (major > 20 || (major === 20 && minor >= 19) || process.argv[2] === "doctor") {
  try {
    await import("../bundle/cli.js");
  } catch (error) {
    if (error?.code !== "EMFILE") throw error;
    process.stderr.write(
      `infernode: this process may have ${allowedFileCount()} files open and needs ${neededFileCount} to start; raise \`ulimit -n\`\n`,
    );
    process.exitCode = 1;
  }
} else {
  process.stderr.write(`infernode: Node.js 20.19 or later is needed, this is ${process.versions.node}\n`);
  process.exitCode = 1;
}
