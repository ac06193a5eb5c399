import { PassThrough, Writable } from "node:stream";
import type { CommandContext } from "../../../packages/backend/src/commands/command-context.ts";
import { runProgram } from "../../../packages/backend/src/program.ts";
import { cleanEnvironment } from "./cli-path.ts";
import type { CliOptions, CliRun } from "./run-cli.ts";

function createSink(): { readonly stream: NodeJS.WriteStream; readonly text: () => string } {
  let written = "";
  const stream = new Writable({
    decodeStrings: false,
    write(part: string | Buffer, _encoding, done) {
      written += String(part);
      done();
    },
  });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => written };
}

/**
 * Runs a command of the program in this process, which takes a tenth of the time of a process of its own: for what
 * commands say, where `runCli` has shown how the program takes and ends them.
 */
export async function runCommand(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const [stdout, stderr] = [createSink(), createSink()];
  const stdin = new PassThrough().end(options.input ?? "");
  const context: CommandContext = {
    directory: options.directory ?? process.cwd(),
    environment: { ...cleanEnvironment(), ...options.environment },
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout.stream,
    stderr: stderr.stream,
    onSignal: () => () => undefined,
    onUncaughtErrors: () => undefined,
    exit: (code) => {
      throw new Error(`the command ended its process with ${code}`);
    },
  };
  const exitCode = await runProgram(args, context);
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}
