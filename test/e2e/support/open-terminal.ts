import { spawn, spawnSync } from "node:child_process";
import { cleanEnvironment } from "./cli-path.ts";

/** Whether `script` is here, which gives a program a terminal. */
export function hasTerminals(): boolean {
  return process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;
}

/** A program in a pseudo terminal. */
export interface Terminal extends AsyncDisposable {
  type(keys: string): void;
  /** Resolves with everything since the last call, once the text has come. */
  until(text: string): Promise<string>;
  readonly exitCode: Promise<number | null>;
}

/** Runs a program in a pseudo terminal of its own. */
export function openTerminal(command: readonly string[]): Terminal {
  const quoted = command.map((part) => `'${part.replaceAll("'", String.raw`'\''`)}'`).join(" ");
  // `exec`: a shell that stays in between may answer Ctrl-C itself, and its exit code would be the one seen.
  const child = spawn("script", ["-qec", `exec ${quoted}`, "/dev/null"], { env: cleanEnvironment() });
  let output = "";
  let wake = (): void => undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    wake();
  });
  const exitCode = new Promise<number | null>((resolve) => {
    child.on("close", (code) => {
      resolve(code);
      wake();
    });
  });
  return {
    type: (keys) => void child.stdin.write(keys),
    until: async (text) => {
      while (!output.includes(text)) {
        if (child.exitCode !== null) throw new Error(`the program ended; it wrote:\n${output}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const end = output.indexOf(text) + text.length;
      const seen = output.slice(0, end);
      output = output.slice(end);
      return seen;
    },
    exitCode,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exitCode;
    },
  };
}
