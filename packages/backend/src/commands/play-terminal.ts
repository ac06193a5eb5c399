import { createInterface } from "node:readline";
import type { ServedModel } from "../engine/engine-client.ts";
import { answerNotes } from "./answer-notes.ts";
import type { CommandContext } from "./command-context.ts";
import type { Conversation } from "./conversation.ts";
import type { PlayOptions } from "./play-options.ts";

const help = `  /reset          forget the conversation
  /system <text>  start anew with other instructions
  /exit           end (also Ctrl-D)
  Ctrl-C          stop the answer
`;

interface Prompter {
  /** A line, or `undefined` at the end of the input or at the second Ctrl-C. */
  read(): Promise<string | undefined>;
}

/** Reads lines with editing and history. Between lines the terminal is in its usual mode, so that Ctrl-C is a signal. */
function createPrompter(context: CommandContext): Prompter {
  let history: string[] = [];
  return {
    read: () =>
      new Promise((resolve) => {
        const { stdin, stdout } = context;
        const terminal = createInterface({ input: stdin, output: stdout, prompt: "> ", history, terminal: true });
        let wasInterrupted = false;
        let line: string | undefined;
        terminal.on("history", (lines: string[]) => {
          history = [...lines];
        });
        terminal.on("SIGINT", () => {
          const hadText = terminal.line !== "";
          if (wasInterrupted && !hadText) {
            terminal.close();
            return;
          }
          wasInterrupted = !hadText;
          stdout.write(hadText ? "\n" : "\n(Ctrl-C again or Ctrl-D ends)\n");
          // Ctrl-U: what was typed is taken back.
          terminal.write(null, { ctrl: true, name: "e" });
          terminal.write(null, { ctrl: true, name: "u" });
          terminal.prompt();
        });
        terminal.on("line", (text) => {
          line = text;
          terminal.close();
        });
        terminal.on("close", () => {
          if (line === undefined) stdout.write("\n");
          resolve(line);
        });
        terminal.prompt();
      }),
  };
}

/** Runs a chat in the terminal until the user ends it. */
export async function playInTerminal(parts: {
  readonly conversation: Conversation;
  readonly model: ServedModel;
  readonly options: PlayOptions;
  readonly context: CommandContext;
}): Promise<void> {
  const { conversation, model, options, context } = parts;
  const { stdout } = context;
  const prompter = createPrompter(context);

  const answer = async (text: string): Promise<void> => {
    const controller = new AbortController();
    const offSignal = context.onSignal("SIGINT", () => controller.abort());
    try {
      const summary = await conversation.ask(text, {
        signal: controller.signal,
        onText: (part) => void stdout.write(part),
      });
      stdout.write("\n");
      for (const note of answerNotes(summary, model, options)) stdout.write(`(${note})\n`);
    } catch (error) {
      if (controller.signal.aborted) stdout.write("\n(stopped)\n");
      else stdout.write(`\n(${describeFailure(error)})\n`);
    } finally {
      offSignal();
    }
  };

  for (;;) {
    const line = (await prompter.read())?.trim();
    if (line === undefined || line === "/exit") return;
    const [command = "", ...words] = line.split(/\s+/);
    if (command === "") continue;
    if (!command.startsWith("/")) await answer(line);
    else if (command === "/help") stdout.write(help);
    else if (command === "/reset") {
      conversation.reset();
      stdout.write("(forgotten)\n");
    } else if (command === "/system") {
      conversation.reset(words.join(" "));
      stdout.write("(the conversation starts anew)\n");
    } else stdout.write(`(no such command: ${command}; /help lists them)\n`);
  }
}

function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isFull = "code" in error && error.code === "CONTEXT_LENGTH_EXCEEDED";
  return isFull ? `${error.message}; /reset begins anew` : error.message;
}
