import { Command, CommanderError } from "commander";
import type { CommandContext, CommandRunner } from "./commands/command-context.ts";
import { toPrintable } from "./commands/printable.ts";
import { addSettingOptions } from "./commands/setting-options.ts";
import { BackendError } from "./errors.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { packageVersion } from "./package-version.ts";

const exitCodeHelp = `
Exit codes:
  0    success
  1    failure
  2    wrong usage or configuration
  3    the port is in use
  4    the model or the engine cannot be started
  129, 130, 143  ended at once by a second SIGHUP, SIGINT or SIGTERM
`;

const serveHelp = `
Every setting can stand in a file, in a variable or in a flag; flags win over variables, those over the file.
--print-config shows each value and where it came from.

Examples:
  $ infernode serve
  $ infernode serve --port 9000 --model ./models/Llama-3.2-1B-Instruct
  $ INFERNODE_PORT=9000 INFERNODE_LOG_FORMAT=json infernode serve
  $ infernode serve --config production.yaml --print-config
${exitCodeHelp}`;

const playHelp = `
At the prompt: /help, /reset, /system [text], /exit. Ctrl-C stops the answer; Ctrl-C at the empty prompt
twice, or Ctrl-D, ends the program.

Examples:
  $ infernode play
  $ infernode play --model ./models/Qwen2.5-0.5B-Instruct --temperature 0.7
  $ infernode play --prompt "Tell me a short story about a fox." --seed 1
  $ echo "Tell me a short story." | infernode play
${exitCodeHelp}`;

const doctorHelp = `
Exits with 0 when the configured model would run, with 4 when it would not.

Examples:
  $ infernode doctor
  $ infernode doctor --model ./models/Llama-3.2-1B-Instruct
  $ infernode doctor --json
${exitCodeHelp}`;

const inspectHelp = `
Exits with 0 when the model would be served with the same settings, with 4 when it would not.

Examples:
  $ infernode models inspect ./models/Llama-3.2-1B-Instruct
  $ infernode models inspect embedded --context-tokens 256 --max-sequences 4 --json
${exitCodeHelp}`;

type LoadRunner = () => Promise<CommandRunner>;

/** The logger sets `Error.prepareStackTrace` when it starts. */
function assertIntrinsicsOpen(): void {
  if (!Object.isFrozen(Error)) return;
  throw new BackendError(
    "INVALID_CONFIG",
    "serve does not run with --frozen-intrinsics, which its logger (pino) cannot work under; the other commands do",
  );
}

/** Builds the command line; each command's code is loaded when it runs. */
function createProgram(context: CommandContext, onExit: (exitCode: number) => void): Command {
  const program = new Command("infernode");
  const run =
    (load: LoadRunner) =>
    async (...parameters: readonly unknown[]): Promise<void> => {
      const command = parameters.at(-1) as Command;
      const runner = await load();
      onExit(await runner({ ...command.opts(), arguments: command.args }, context));
    };
  program
    .description("Serves language models on this machine with an OpenAI-compatible API.")
    .version(packageVersion)
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, "infernode: ")),
    })
    .exitOverride()
    .showHelpAfterError("see infernode --help")
    .addHelpText("after", exitCodeHelp);

  const addCommand = (parent: Command, name: string): Command => {
    const path = parent === program ? name : `${parent.name()} ${name}`;
    return parent.command(name).showHelpAfterError(`see infernode ${path} --help`);
  };
  addSettingOptions(addCommand(program, "serve").description("runs the daemon with its HTTP API"), () => true)
    .option("--print-config", "print the resolved configuration with the origin of each value, and end")
    .option("--json", "with --print-config: print JSON")
    .addHelpText("after", serveHelp)
    .action(
      run(async () => {
        assertIntrinsicsOpen();
        return (await import("./commands/serve.ts")).serve;
      }),
    );

  const isModelOrEngine = ({ path }: { readonly path: string }): boolean =>
    path.startsWith("model.") || path.startsWith("engine.");
  addSettingOptions(
    addCommand(program, "play").description("chats in the terminal, with an engine of its own"),
    isModelOrEngine,
  )
    .option("--prompt <text>", "answer this one prompt and end")
    .option("--system <text>", "instructions that every conversation starts with")
    .option("--temperature <number>", "0 always takes the likeliest token, 2 is wild")
    .option("--max-tokens <number>", "longest answer")
    .option("--seed <number>", "same seed, same answers")
    .option("--verbose", "show tokens per second after each answer")
    .addHelpText("after", playHelp)
    .action(run(async () => (await import("./commands/play.ts")).play));

  addSettingOptions(
    addCommand(program, "doctor").description("says what is on this machine and what would run"),
    isModelOrEngine,
  )
    .option("--json", "print JSON")
    .addHelpText("after", doctorHelp)
    .action(run(async () => (await import("./commands/doctor.ts")).doctor));

  const models = addCommand(program, "models").description("works with model directories");
  addSettingOptions(
    addCommand(models, "inspect")
      .description("shows a model's size, shape and memory plan, and whether it would be served")
      .argument("<directory>", "a Hugging Face directory, or embedded"),
    (setting) => isModelOrEngine(setting) && setting.path !== "model.path",
  )
    .option("--json", "print JSON")
    .addHelpText("after", inspectHelp)
    .action(run(async () => (await import("./commands/inspect-model.ts")).inspectModel));
  return program;
}

/** Runs the command line; the answer is the exit code. */
export async function runProgram(args: readonly string[], context: CommandContext): Promise<number> {
  let exitCode: number = exitCodes.success;
  const program = createProgram(context, (code) => {
    exitCode = code;
  });
  if (args.length === 0) {
    context.stderr.write(program.helpInformation());
    return exitCodes.usage;
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    // Help and version end with 0, everything else that commander throws is wrong usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
    if (!(error instanceof BackendError) && !(error instanceof Error && "code" in error)) throw error;
    context.stderr.write(`infernode: ${toPrintable(error.message)}\n`);
    return exitCodeOf(error);
  }
}
