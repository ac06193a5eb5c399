import { Command, CommanderError } from "commander";
import type { CommandContext, CommandRunner } from "./commands/command-context.ts";
import { addSettingOptions } from "./commands/setting-options.ts";
import { toPrintable } from "./commands/terminal-text.ts";
import { BackendError } from "./errors.ts";
import { toExitCode, exitCodes } from "./exit-codes.ts";
import { packageVersion } from "./package-version.ts";

const exitCodeHelp = `
Exit codes:
  0    success
  1    failure
  2    invalid usage or configuration
  3    the port is in use
  4    the model or the engine cannot be started
  129, 130, 143  exited immediately on a second signal: SIGHUP, SIGINT or SIGTERM
`;

const serveHelp = `
Every setting can be given in a file, an environment variable or a flag. Flags override variables, and variables
override the file. --print-config shows each value and its origin.

Examples:
  $ infernode serve
  $ infernode serve --port 9000 --model ./models/Llama-3.2-1B-Instruct
  $ infernode serve --model ./models/Llama-3.2-1B-Instruct --model small=./models/Qwen2.5-0.5B-Instruct
  $ INFERNODE_PORT=9000 INFERNODE_LOG_FORMAT=json infernode serve
  $ infernode serve --config production.yaml --print-config
${exitCodeHelp}`;

const gatewayHelp = `
Passes requests on to servers with OpenAI's API: daemons, and servers of others. A request goes to a backend that has
its model, and to another one if that fails before the first byte of its answer. A change of the configuration file,
and SIGHUP, reload the section gateway.

Examples:
  $ infernode gateway --backend a=http://127.0.0.1:8001 --backend b=http://127.0.0.1:8002
  $ infernode gateway --config gateway.yaml --port 9000
${exitCodeHelp}`;

const playHelp = `
At the prompt: /help, /reset, /system [text], /exit. Ctrl-C stops the answer. Ctrl-D, or Ctrl-C twice at an
empty prompt, exits.

Examples:
  $ infernode play
  $ infernode play --model ./models/Qwen2.5-0.5B-Instruct --temperature 0.7
  $ infernode play --prompt "Tell me a short story about a fox." --seed 1
  $ echo "Tell me a short story." | infernode play
${exitCodeHelp}`;

const doctorHelp = `
Exits with 0 if all configured models would run, and with 4 if one would not.

Examples:
  $ infernode doctor
  $ infernode doctor --model ./models/Llama-3.2-1B-Instruct
  $ infernode doctor --json
${exitCodeHelp}`;

const inspectHelp = `
Exits with 0 if serve would run the model with the same settings, and with 4 if it would not.

Examples:
  $ infernode models inspect ./models/Llama-3.2-1B-Instruct
  $ infernode models inspect embedded --context-tokens 256 --max-sequences 4 --json
  $ infernode models inspect ./SmolLM2-135M-Instruct.Q4_1.gguf --tensors
${exitCodeHelp}`;

const quantizeHelp = `
The directory has all that running the model takes, and nothing is written when it is served: for images and
read-only file systems. Its weights are in the order of this processor; another one puts them in order at each start.

Examples:
  $ infernode models quantize ./models/Llama-3.2-1B-Instruct ./prepared --quantize int4
  $ infernode serve --model ./prepared
${exitCodeHelp}`;

const conformanceHelp = `
Asks a server what clients ask, and says where its answers are not what they need: openai, the AI SDK, LangChain,
@openai/agents and Anthropic's SDK. An address without a path is that of a server whose API is under /v1. Exits with 1
if the server deviates, or if no case passes.

Examples:
  $ infernode conformance http://127.0.0.1:8000
  $ infernode conformance https://models.example.com/openai/v1 --model small --api-key "$API_KEY"
  $ infernode conformance http://127.0.0.1:8000 --only chunks,tools/arguments --json
${exitCodeHelp}`;

const encryptHelp = `
Reads the secret from standard input and the key from INFERNODE_SECRET_KEY or the file INFERNODE_SECRET_KEY_FILE.

Examples:
  $ infernode encrypt --new-key > secret.key
  $ INFERNODE_SECRET_KEY_FILE=secret.key infernode encrypt < api-key.txt
${exitCodeHelp}`;

type LoadRunner = () => Promise<CommandRunner>;

/** The logger sets `Error.prepareStackTrace` at start, which frozen intrinsics do not allow. */
function assertIntrinsicsNotFrozen(): void {
  if (!Object.isFrozen(Error)) return;
  throw new BackendError(
    "INVALID_CONFIG",
    "serve does not support --frozen-intrinsics, because its logger (pino) does not; the other commands do",
  );
}

/** Creates the command line; the code of a command is loaded when it runs. */
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
  addSettingOptions(addCommand(program, "serve").description("run the daemon with its HTTP API"), () => true)
    .option("--print-config", "print the resolved configuration with the origin of each value, and exit")
    .option("--json", "with --print-config: print JSON")
    .addHelpText("after", serveHelp)
    .action(
      run(async () => {
        assertIntrinsicsNotFrozen();
        return (await import("./commands/serve.ts")).serve;
      }),
    );

  const settingsOfGateway =
    /^(?:(?:server|gateway|log)\.|discovery\.(?:provider|serviceName|daemons|checkIntervalMs)$|consul\.(?!ttlMs|criticalTimeoutMs))/;
  addSettingOptions(
    addCommand(program, "gateway").description("pass requests on to several servers, as one"),
    ({ path }) => settingsOfGateway.test(path) && path !== "server.mode",
  )
    .option("--print-config", "print the resolved configuration with the origin of each value, and exit")
    .option("--json", "with --print-config: print JSON")
    .addHelpText("after", gatewayHelp)
    .action(
      run(async () => {
        assertIntrinsicsNotFrozen();
        return (await import("./commands/serve.ts")).gateway;
      }),
    );

  const isModelOrEngine = ({ path }: { readonly path: string }): boolean =>
    path.startsWith("model.") || path.startsWith("engine.");
  addSettingOptions(
    addCommand(program, "play").description("chat in the terminal, with its own engine"),
    isModelOrEngine,
  )
    .option("--prompt <text>", "answer this prompt and exit")
    .option("--system <text>", "system prompt of every conversation")
    .option("--temperature <number>", "sampling temperature from 0 (greedy) to 2")
    .option("--max-tokens <number>", "maximum tokens of an answer")
    .option("--seed <number>", "seed of the sampler, for reproducible answers")
    .option("--verbose", "show tokens per second after each answer")
    .addHelpText("after", playHelp)
    .action(run(async () => (await import("./commands/play/play.ts")).play));

  const settingsOfDoctor = /^(?:(?:model|engine|store|discovery|consul)\.|server\.host$)/;
  addSettingOptions(
    addCommand(program, "doctor").description(
      "show hardware, runtimes and models, and whether the configured models would run",
    ),
    ({ path }) => settingsOfDoctor.test(path),
  )
    .option("--json", "print JSON")
    .addHelpText("after", doctorHelp)
    .action(run(async () => (await import("./commands/doctor/doctor.ts")).doctor));

  const models = addCommand(program, "models").description("works with model directories");
  addSettingOptions(
    addCommand(models, "inspect")
      .description("show a model's size, shape and memory plan, and whether serve would run it")
      .argument(
        "<model>",
        "a Hugging Face directory, a GGUF file, the id of a configured model, or embedded",
      ),
    (setting) => isModelOrEngine(setting) && setting.path !== "model.path",
  )
    .option("--json", "print JSON")
    .option("--tensors", "list the tensors with their types")
    .addHelpText("after", inspectHelp)
    .action(run(async () => (await import("./commands/models/inspect-model.ts")).inspectModel));

  const quantizeSettings = new Set(["engine.quantize", "engine.threads", "engine.runtime"]);
  addSettingOptions(
    addCommand(models, "quantize")
      .description("write a model with quantized weights into a directory of its own, which serve runs from")
      .argument(
        "<source>",
        "a Hugging Face directory, a GGUF file, the id of a configured model, or embedded",
      )
      .argument("<target>", "a directory that is absent or empty"),
    ({ path }) => quantizeSettings.has(path),
  )
    .option("--json", "print JSON")
    .addHelpText("after", quantizeHelp)
    .action(run(async () => (await import("./commands/models/quantize-model.ts")).quantizeModelCommand));

  addCommand(program, "conformance")
    .description("ask any server what clients ask, and say where it deviates from what they need")
    .argument("<url>", "the address of the server, or of its API: http://127.0.0.1:8000, https://…/v1")
    .option("--model <id>", "the model to ask; the first of the server's list if there is none")
    .option("--api-key <key>", "the server's key")
    .option("--only <names>", "areas or cases to run, separated by commas: chunks, tools/arguments")
    .option("--timeout <seconds>", "limit of the whole run", "600")
    .option("--request-timeout <seconds>", "limit of one request", "60")
    .option("--json", "print JSON")
    .addHelpText("after", conformanceHelp)
    .action(run(async () => (await import("./commands/conformance.ts")).conformance));

  addCommand(program, "encrypt")
    .description("encrypt a backend's key for a configuration file")
    .option("--new-key", "print a new key to encrypt with, and exit")
    .addHelpText("after", encryptHelp)
    .action(run(async () => (await import("./commands/encrypt.ts")).encrypt));

  const isCacheDirectory = ({ path }: { readonly path: string }): boolean => path === "engine.cacheDirectory";
  const cache = addCommand(program, "cache").description(
    "manage the quantized weights that are kept on disk",
  );
  addSettingOptions(
    addCommand(cache, "ls").description("list them, the most recently used first"),
    isCacheDirectory,
  )
    .option("--json", "print JSON")
    .action(run(async () => (await import("./commands/cache.ts")).cacheList));
  addSettingOptions(
    addCommand(cache, "rm").description("remove some, by the start of their key").argument("[keys...]"),
    isCacheDirectory,
  )
    .option("--all", "remove all")
    .action(run(async () => (await import("./commands/cache.ts")).cacheRemove));
  addSettingOptions(addCommand(cache, "path").description("print their directory"), isCacheDirectory).action(
    run(async () => (await import("./commands/cache.ts")).cachePath),
  );
  return program;
}

/** Runs the command line and resolves with the exit code. */
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
    // Help and version exit with 0; everything else that commander throws is invalid usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
    if (!(error instanceof BackendError) && !(error instanceof Error && "code" in error)) throw error;
    context.stderr.write(`infernode: ${toPrintable(error.message)}\n`);
    return toExitCode(error);
  }
}
