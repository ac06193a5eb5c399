import { resolveConfig } from "../../config/resolve/resolve-config.ts";
import { onlyModel, supervisionOf } from "../../models/local/engine-options.ts";
import { createEngineSupervisor } from "../../models/local/engine-supervisor.ts";
import type { LocalModel } from "../../models/model-service.ts";
import { BackendError } from "../../errors.ts";
import { createEventBus } from "../../events/event-bus.ts";
import { exitCodes } from "../../exit-codes.ts";
import type { CommandContext, CommandRunner } from "../command-context.ts";
import { createConversation, type Conversation } from "./conversation.ts";
import { parsePlayOptions, type PlayOptions } from "./play-options.ts";
import { formatAnswerNotes, playInTerminal } from "./play-terminal.ts";
import { readConfigSources } from "../setting-options.ts";
import { readPrompt, writeOutput } from "../standard-streams.ts";
import { toPrintable, formatProgress } from "../terminal-text.ts";

async function answerOnce(parts: {
  readonly prompt: string;
  readonly conversation: Conversation;
  readonly model: LocalModel;
  readonly options: PlayOptions;
  readonly context: CommandContext;
}): Promise<number> {
  const { prompt, conversation, model, options, context } = parts;
  const controller = new AbortController();
  let writing = Promise.resolve();
  let outputError: Error | undefined;
  /** Stops generating when the answer cannot be written. */
  const write = (text: string): void => {
    writing = writeOutput(context.stdout, text).catch((error: Error) => {
      outputError ??= error;
      controller.abort();
    });
  };
  const removeListeners = (["SIGINT", "SIGTERM"] as const).map((signal) =>
    context.onSignal(signal, () => controller.abort()),
  );
  try {
    const onText = (part: string): void => write(context.stdout.isTTY ? toPrintable(part) : part);
    const summary = await conversation.ask(prompt, { signal: controller.signal, onText });
    write("\n");
    await writing;
    if (outputError !== undefined) throw outputError;
    for (const note of formatAnswerNotes(summary, model, options)) context.stderr.write(`(${note})\n`);
    return exitCodes.success;
  } catch (error) {
    if (outputError !== undefined) throw outputError;
    if (!controller.signal.aborted) throw error;
    context.stdout.write("\n");
    return exitCodes.interrupted;
  } finally {
    for (const removeListener of removeListeners) removeListener();
  }
}

/** Chats in the terminal, or answers one prompt, with its own engine process. */
export const play: CommandRunner = async (values, context) => {
  const options = parsePlayOptions(values);
  const { config } = await resolveConfig({
    ...readConfigSources(values),
    environment: context.environment,
    directory: context.directory,
  });
  const isInteractive = options.prompt === undefined && context.stdin.isTTY;
  const prompt = isInteractive ? undefined : (options.prompt ?? (await readPrompt(context.stdin)));
  if (prompt === "") {
    throw new BackendError("INVALID_CONFIG", "expected a prompt, got empty text; see infernode play --help");
  }
  const events = createEventBus({
    onHandlerError: (error) => context.stderr.write(`infernode: ${String(error)}\n`),
  });
  await using engine = createEngineSupervisor({
    ...supervisionOf(onlyModel(config)),
    events,
    onOutput: (line) => context.stderr.write(`${line}\n`),
  });
  if (isInteractive) context.stdout.write("Loading the model …");
  const stopShowing = events.on("backend:weights-quantizing", (progress) => {
    const bar = formatProgress("Quantizing the weights", progress);
    if (context.stderr.isTTY) context.stderr.write(`\r${bar}\u001B[K`);
  });
  const stopNaming = events.on("backend:gpu-check-started", ({ device }) =>
    context.stderr.write(`checking ${device}, which is done once …\n`),
  );
  const model = await engine.start().finally(() => {
    stopNaming();
    // Returns to the start of the line and clears it.
    if (isInteractive) context.stdout.write("\r\u001B[K");
    stopShowing();
  });
  const conversation = createConversation(engine, model, options);
  if (prompt !== undefined) return await answerOnce({ prompt, conversation, model, options, context });
  const kind = model.hasChatTemplate ? "" : "; no chat template, so it continues each text as it is";
  context.stdout.write(
    `${model.id}, context of ${model.contextTokens} tokens${kind}. Type /help for commands.\n`,
  );
  await playInTerminal({ conversation, model, options, context });
  return exitCodes.success;
};
