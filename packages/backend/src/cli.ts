import type { CommandContext } from "./commands/command-context.ts";
import { runProgram } from "./program.ts";

// A reader that leaves early (`infernode doctor | head`) is no failure; what it does not want is dropped.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const context: CommandContext = {
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  onSignal: (signal, handler) => {
    process.on(signal, handler);
    return () => process.off(signal, handler);
  },
  exit: (code) => process.exit(code),
};

// What a command leaves open, such as a terminal, must not keep the program alive.
process.exit(await runProgram(process.argv.slice(2), context));
