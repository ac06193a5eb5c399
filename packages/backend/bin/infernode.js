#!/usr/bin/env node
// An older Node.js would fail somewhere inside, in words that help nobody; `doctor` says more than that.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 20 || (major === 20 && minor >= 19) || process.argv[2] === "doctor") {
  await import("../dist/cli.js");
} else {
  process.stderr.write(`infernode: Node.js 20.19 or later is needed, this is ${process.versions.node}\n`);
  process.exitCode = 1;
}
