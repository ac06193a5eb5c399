import type { LocalModel } from "../../models/model-service.ts";
import type { CommandContext } from "../command-context.ts";
import type { AnswerSummary, Conversation } from "./conversation.ts";
import { createLineReader } from "./line-reader.ts";
import type { PlayOptions } from "./play-options.ts";
import { toPrintable } from "../terminal-text.ts";

const help = `  /reset          clear the conversation
  /system [text]  start a new conversation with another system prompt, or with none
  /exit           exit (also Ctrl-D)
  Ctrl-C          stop the answer
`;

export interface TerminalParts {
  readonly conversation: Conversation;
  readonly model: LocalModel;
  readonly options: PlayOptions;
  readonly context: CommandContext;
}

/** Formats the notes after an answer: why it was cut off, and with `--verbose` its speed. */
export function formatAnswerNotes(
  summary: AnswerSummary,
  model: Pick<LocalModel, "contextTokens">,
  options: Pick<PlayOptions, "maxTokens" | "isVerbose">,
): readonly string[] {
  const notes: string[] = [];
  const { promptTokens, completionTokens, firstTokenMs, totalMs } = summary;
  if (summary.finishReason === "length") {
    notes.push(
      completionTokens === options.maxTokens
        ? `cut off after ${completionTokens} tokens (--max-tokens)`
        : `cut off: the context of ${model.contextTokens} tokens is full (${promptTokens} for the conversation, ` +
            `${completionTokens} for the answer); /reset clears the conversation`,
    );
  }
  if (options.isVerbose) {
    const decodeMs = totalMs - firstTokenMs;
    const speed = completionTokens > 1 && decodeMs > 0 ? ((completionTokens - 1) / decodeMs) * 1000 : 0;
    notes.push(
      `${promptTokens} prompt tokens, ${completionTokens} generated, first token after ${firstTokenMs.toFixed(0)} ms, ` +
        `then ${speed.toFixed(1)} tokens/s`,
    );
  }
  return notes;
}

/** Streams one answer to the terminal and resolves with the notes to show after it. */
async function writeAnswer(
  text: string,
  signal: AbortSignal,
  parts: TerminalParts,
): Promise<readonly string[]> {
  const { conversation, model, options, context } = parts;
  try {
    const onText = (part: string): void => void context.stdout.write(toPrintable(part));
    const summary = await conversation.ask(text, { signal, onText });
    return formatAnswerNotes(summary, model, options);
  } catch (error) {
    if (signal.aborted) return ["stopped"];
    if (!(error instanceof Error)) return [String(error)];
    const isFull = "code" in error && error.code === "CONTEXT_LENGTH_EXCEEDED";
    return [isFull ? `${error.message}; /reset clears the conversation` : error.message];
  }
}

/** Runs a chat in the terminal until the user exits. */
export async function playInTerminal(parts: TerminalParts): Promise<void> {
  const { conversation, context } = parts;
  const { stdout } = context;
  const reader = createLineReader(context);

  const answer = async (text: string): Promise<void> => {
    const controller = new AbortController();
    const notes = await reader.runInterruptible(
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
        stdout.write("(conversation cleared)\n");
      } else if (command === "/system") {
        conversation.reset(words.join(" "));
        stdout.write(`(new conversation${words.length === 0 ? " without a system prompt" : ""})\n`);
      } else {
        stdout.write(`(unknown command ${command}; see /help)\n`);
      }
    }
  } finally {
    reader.close();
  }
}
