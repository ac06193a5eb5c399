// The process of a peer: reads requests from standard input, a line each, and answers on file descriptor 3, which a
// library does not write its logs to. `node peer-worker.js <url of the peer's module>`
import { readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Peer, PeerModule, PeerRequest } from "./peer.ts";
import { timeGeneration } from "./time-generation.ts";

const answers = 3;

// The module has been built next to this one.
const module = (await import(process.argv[2] ?? "")) as PeerModule;
let opened: Peer | undefined;

function peakBytes(): number {
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Number(kibibytes) * 1024;
}

async function answer(request: PeerRequest): Promise<unknown> {
  if (request.op === "memory") return { peakBytes: peakBytes() };
  if (request.op === "open") {
    opened = await module.openPeer(request.setup);
    const { description, weightsBytes } = opened;
    return { description, weightsBytes };
  }
  if (opened === undefined) throw new Error("expected the request `open` first");
  if (request.op === "rank") return { ranked: await opened.rank(request.prompt, request.count) };
  return timeGeneration(opened, request.prompts, request.tokenCount);
}

for await (const line of createInterface({ input: process.stdin })) {
  // The harness writes the lines.
  const request = JSON.parse(line) as PeerRequest;
  const reply = await answer(request).catch((error: unknown) => ({
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }));
  writeSync(answers, `${JSON.stringify(reply)}\n`);
}
await opened?.dispose();
process.exit(0);
