import { parse } from "node:path";
import type { CommandContext } from "./commands/command-context.ts";
import { runProgram } from "./program.ts";

// Commands wait for what they were asked to write, and end with 1 where it cannot be written (`writeOutput`).
// Anything else, such as a note or the summary of `serve`, is dropped rather than ending the program.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

const context: CommandContext = {
  directory: readWorkingDirectory(),
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  onSignal: (signal, handler) => {
    process.on(signal, handler);
    return () => process.off(signal, handler);
  },
  onStrayErrors: ({ uncaught, warning }) => {
    process.on("uncaughtException", uncaught);
    // Node.js' own listener prints them.
    process.removeAllListeners("warning").on("warning", warning);
  },
  exit: (code) => process.exit(code),
};

/** Much that is loaded later asks for the working directory when it starts, and fails in one that was deleted. */
function readWorkingDirectory(): string | false {
  try {
    return process.cwd();
  } catch {
    process.chdir(parse(process.execPath).root);
    return false;
  }
}

// What a command leaves open, such as a terminal, must not keep the program alive.
process.exit(await runProgram(process.argv.slice(2), context));
