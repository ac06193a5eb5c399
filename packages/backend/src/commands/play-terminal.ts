import type { LocalModel } from "../models/model-service.ts";
import { answerNotes } from "./answer-notes.ts";
import type { CommandContext } from "./command-context.ts";
import type { Conversation } from "./conversation.ts";
import { createLineReader } from "./line-reader.ts";
import type { PlayOptions } from "./play-options.ts";
import { toPrintable } from "./printable.ts";

const help = `  /reset          forget the conversation
  /system [text]  start anew with other instructions, or with none
  /exit           end (also Ctrl-D)
  Ctrl-C          stop the answer
`;

export interface TerminalParts {
  readonly conversation: Conversation;
  readonly model: LocalModel;
  readonly options: PlayOptions;
  readonly context: CommandContext;
}

/** Writes one answer as it is made; answers what is to be said after it. */
async function writeAnswer(
  text: string,
  signal: AbortSignal,
  parts: TerminalParts,
): Promise<readonly string[]> {
  const { conversation, model, options, context } = parts;
  try {
    const onText = (part: string): void => void context.stdout.write(toPrintable(part));
    const summary = await conversation.ask(text, { signal, onText });
    return answerNotes(summary, model, options);
  } catch (error) {
    if (signal.aborted) return ["stopped"];
    if (!(error instanceof Error)) return [String(error)];
    const isFull = "code" in error && error.code === "CONTEXT_LENGTH_EXCEEDED";
    return [isFull ? `${error.message}; /reset begins anew` : error.message];
  }
}

/** Runs a chat in the terminal until the user ends it. */
export async function playInTerminal(parts: TerminalParts): Promise<void> {
  const { conversation, context } = parts;
  const { stdout } = context;
  const reader = createLineReader(context);

  const answer = async (text: string): Promise<void> => {
    const controller = new AbortController();
    const notes = await reader.during(
      () => writeAnswer(text, controller.signal, parts),
      () => controller.abort(),
    );
    stdout.write("\n");
    for (const note of notes) stdout.write(`(${note})\n`);
  };

  try {
    for (;;) {
      const line = (await reader.read())?.trim();
      if (line === undefined || line === "/exit") return;
      const [command = "", ...words] = line.split(/\s+/);
      if (command === "") continue;
      if (!command.startsWith("/")) {
        await answer(line);
      } else if (command === "/help") {
        stdout.write(help);
      } else if (command === "/reset") {
        conversation.reset();
        stdout.write("(forgotten)\n");
      } else if (command === "/system") {
        conversation.reset(words.join(" "));
        stdout.write(`(the conversation starts anew${words.length === 0 ? ", without instructions" : ""})\n`);
      } else {
        stdout.write(`(no such command: ${command}; /help lists them)\n`);
      }
    }
  } finally {
    reader.close();
  }
}
