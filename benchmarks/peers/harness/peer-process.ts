import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { PeerAnswers, PeerRequest } from "./peer.ts";

/** A peer in a process of its own: what one leaves in memory or does in threads is not the other's. */
export interface PeerProcess extends AsyncDisposable {
  readonly name: string;
  ask<Request extends PeerRequest>(request: Request): Promise<PeerAnswers[Request["op"]]>;
}

/** How a peer's process is started. */
export interface PeerCommand {
  readonly name: string;
  readonly command: readonly string[];
}

/** The command of a peer that is a module of this package. */
export function nodePeer(name: string, moduleUrl: URL): PeerCommand {
  const worker = fileURLToPath(new URL("peer-worker.js", import.meta.url));
  return { name, command: [process.execPath, worker, moduleUrl.href] };
}

/** Starts a peer's process; it loads nothing before `open`. */
export function startPeer({ name, command }: PeerCommand): PeerProcess {
  const [program = "", ...programArguments] = command;
  const child = spawn(program, programArguments, { stdio: ["pipe", "ignore", "inherit", "pipe"] });
  const exited = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => resolve(`exit code ${code ?? signal}`));
    child.once("error", (error) => resolve(error.message));
  });
  // Pipes, by `stdio`.
  const requests = child.stdio[0] as Writable;
  const answers = child.stdio[3] as Readable;
  const lines = createInterface({ input: answers });
  const ask: PeerProcess["ask"] = async (request) => {
    const line = new Promise<string>((resolve) => lines.once("line", resolve));
    requests.write(`${JSON.stringify(request)}\n`);
    const reply = await Promise.race([
      line,
      exited.then((reason) => {
        throw new Error(`${name} ended at '${request.op}': ${reason}`);
      }),
    ]);
    const answer = JSON.parse(reply) as { readonly error?: string };
    if (answer.error !== undefined) throw new Error(`${name}, ${request.op}: ${answer.error}`);
    // The answer to `request`, by the protocol.
    return answer as never;
  };
  return {
    name,
    ask,
    [Symbol.asyncDispose]: async () => {
      requests.end();
      await exited;
    },
  };
}
