import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type { CommandContext } from "../command-context.ts";
import { bracketedPaste, createKeyInput, lineBreakSymbol, pasteKey } from "./key-input.ts";

/** Reads lines from a terminal, with editing and history. Keeps what is typed ahead; pasted lines are one line. */
export interface LineReader {
  /** Resolves with the next line, or `undefined` at the end of input: Ctrl-D, or Ctrl-C twice. */
  read(): Promise<string | undefined>;
  /** Runs a task between lines: nothing is echoed, and Ctrl-C calls `onInterrupt`. */
  runInterruptible<T>(task: () => Promise<T>, onInterrupt: () => void): Promise<T>;
  close(): void;
}

/** Creates readline's output, which is muted while an answer is written. */
function createScreen(stdout: NodeJS.WriteStream, isMuted: () => boolean): Writable {
  const screen = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (!isMuted()) stdout.write(chunk);
      done();
    },
  });
  Object.defineProperty(screen, "columns", { get: () => stdout.columns });
  stdout.on("resize", () => screen.emit("resize"));
  return screen;
}

/** Creates a reader, which owns the terminal until it is closed. */
export function createLineReader(context: CommandContext): LineReader {
  const { stdin, stdout } = context;
  const lines: string[] = [];
  const state = { isClosed: false };
  let wake: (() => void) | undefined;
  let interruptTask: (() => void) | undefined;
  let wasInterrupted = false;
  const input = createKeyInput(stdin);
  const terminal = createInterface({
    input: input.keys,
    output: createScreen(stdout, () => interruptTask !== undefined),
    prompt: "> ",
    terminal: true,
  });
  const interrupt = (): void => {
    if (interruptTask !== undefined) {
      interruptTask();
      return;
    }
    const hadText = terminal.line !== "";
    if (wasInterrupted && !hadText) {
      terminal.close();
      return;
    }
    wasInterrupted = !hadText;
    // Clears the typed text: moves to the end of the line, then deletes to its start.
    terminal.write(null, { ctrl: true, name: "e" });
    terminal.write(null, { ctrl: true, name: "u" });
    stdout.write(hadText ? "^C\n" : "(press Ctrl-C again or Ctrl-D to exit)\n");
    terminal.prompt();
  };
  stdout.write(bracketedPaste.on);
  input.keys.on("keypress", (_text: string | undefined, { sequence }: { readonly sequence?: string }) => {
    if (sequence === pasteKey) terminal.write(input.takePaste());
  });
  // Resumes after Ctrl-Z; readline has paused itself.
  terminal.on("SIGCONT", () => {
    stdout.write(bracketedPaste.on);
    terminal.prompt(true);
  });
  // In raw mode Ctrl-C is a key; from another program it is a signal.
  terminal.on("SIGINT", interrupt);
  const offSignal = context.onSignal("SIGINT", interrupt);
  terminal.on("line", (line) => {
    wasInterrupted = false;
    lines.push(line.replaceAll(lineBreakSymbol, "\n"));
    wake?.();
  });
  terminal.on("close", () => {
    state.isClosed = true;
    wake?.();
  });

  return {
    read: async () => {
      while (lines.length === 0 && !state.isClosed) {
        // Keeps text that was typed ahead, and the cursor after it.
        terminal.prompt(true);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (lines.length === 0) stdout.write("\n");
      return lines.shift();
    },
    runInterruptible: async (task, onInterrupt) => {
      interruptTask = onInterrupt;
      try {
        return await task();
      } finally {
        interruptTask = undefined;
      }
    },
    close: () => {
      offSignal();
      terminal.close();
      stdin.unpipe(input.keys);
      stdout.write(bracketedPaste.off);
    },
  };
}
