import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cleanEnvironment } from "../../e2e/support/cli-path.ts";
import type { CliRun } from "../../e2e/support/run-cli.ts";

/** The program in one process that runs many commands, one after another. */
export interface OpenProgram extends AsyncDisposable {
  run(args: readonly string[]): Promise<CliRun>;
}

/** Starts a process that runs commands which need none of their own: they end by themselves and hear no signal. */
export function openProgram(): OpenProgram {
  const child = fork(fileURLToPath(new URL("run-commands.mjs", import.meta.url)), {
    env: cleanEnvironment(),
    execArgv: [],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const waiting = new Map<number, (run: CliRun) => void>();
  child.on("message", (message) => {
    const { id, run } = message as { readonly id: number; readonly run: CliRun };
    waiting.get(id)?.(run);
    waiting.delete(id);
  });
  let count = 0;
  return {
    run: (args) =>
      new Promise((resolve, reject) => {
        const id = (count += 1);
        waiting.set(id, resolve);
        void ended.then(() => reject(new Error("the process that runs commands has ended")));
        child.send({ id, args });
      }),
    [Symbol.asyncDispose]: async () => {
      child.disconnect();
      await ended;
    },
  };
}
