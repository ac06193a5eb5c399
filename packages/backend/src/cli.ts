import { parse } from "node:path";
import type { CommandContext } from "./commands/command-context.ts";
import { runProgram } from "./program.ts";

// Commands wait until their result is written and exit with 1 if it cannot be (`writeOutput`).
// Other output, such as notes or the summary of `serve`, is dropped if it cannot be written.
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
  onUncaughtErrors: ({ uncaught, warning }) => {
    process.on("uncaughtException", uncaught);
    // Replaces the listener of Node.js, which prints them.
    process.removeAllListeners("warning").on("warning", warning);
  },
  exit: (code) => process.exit(code),
};

/** Modules that are loaded later read the working directory and fail if it has been deleted. */
function readWorkingDirectory(): string | false {
  try {
    return process.cwd();
  } catch {
    process.chdir(parse(process.execPath).root);
    return false;
  }
}

// Handles that a command leaves open, such as a terminal, must not keep the process alive.
process.exit(await runProgram(process.argv.slice(2), context));
