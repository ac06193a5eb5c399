import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type { CommandContext } from "./command-context.ts";
import { breakSign, createKeyInput, pasteKey, pasteMarks } from "./key-input.ts";

/** Lines from a terminal, with editing and history. What is typed ahead waits; a paste of several lines is one. */
export interface LineReader {
  /** The next line, or `undefined` at the end: Ctrl-D, or Ctrl-C twice. */
  read(): Promise<string | undefined>;
  /** Runs work between lines: nothing is echoed, and Ctrl-C calls `onInterrupt`. */
  during<T>(work: () => Promise<T>, onInterrupt: () => void): Promise<T>;
  close(): void;
}

/** What readline draws on; silent while an answer is written. */
function createScreen(stdout: NodeJS.WriteStream, isSilent: () => boolean): Writable {
  const screen = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (!isSilent()) stdout.write(chunk);
      done();
    },
  });
  Object.defineProperty(screen, "columns", { get: () => stdout.columns });
  stdout.on("resize", () => screen.emit("resize"));
  return screen;
}

/** Creates a reader; it holds the terminal until it is closed. */
export function createLineReader(context: CommandContext): LineReader {
  const { stdin, stdout } = context;
  const lines: string[] = [];
  const state = { isClosed: false };
  let wake: (() => void) | undefined;
  let interruptWork: (() => void) | undefined;
  let wasInterrupted = false;
  const input = createKeyInput(stdin);
  const terminal = createInterface({
    input: input.keys,
    output: createScreen(stdout, () => interruptWork !== undefined),
    prompt: "> ",
    terminal: true,
  });
  const interrupt = (): void => {
    if (interruptWork !== undefined) {
      interruptWork();
      return;
    }
    const hadText = terminal.line !== "";
    if (wasInterrupted && !hadText) {
      terminal.close();
      return;
    }
    wasInterrupted = !hadText;
    // What was typed is taken back: to the end of the line, then delete to its start.
    terminal.write(null, { ctrl: true, name: "e" });
    terminal.write(null, { ctrl: true, name: "u" });
    stdout.write(hadText ? "^C\n" : "(Ctrl-C again or Ctrl-D ends)\n");
    terminal.prompt();
  };
  stdout.write(pasteMarks.on);
  input.keys.on("keypress", (_text: string | undefined, { sequence }: { readonly sequence?: string }) => {
    if (sequence === pasteKey) terminal.write(input.takePaste());
  });
  // Back from Ctrl-Z: the reader has paused itself.
  terminal.on("SIGCONT", () => {
    stdout.write(pasteMarks.on);
    terminal.prompt(true);
  });
  // In raw mode Ctrl-C is a key; sent by another program it is a signal.
  terminal.on("SIGINT", interrupt);
  const offSignal = context.onSignal("SIGINT", interrupt);
  terminal.on("line", (line) => {
    wasInterrupted = false;
    lines.push(line.replaceAll(breakSign, "\n"));
    wake?.();
  });
  terminal.on("close", () => {
    state.isClosed = true;
    wake?.();
  });

  return {
    read: async () => {
      while (lines.length === 0 && !state.isClosed) {
        // What was typed ahead stays, with the cursor behind it.
        terminal.prompt(true);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (lines.length === 0) stdout.write("\n");
      return lines.shift();
    },
    during: async (work, onInterrupt) => {
      interruptWork = onInterrupt;
      try {
        return await work();
      } finally {
        interruptWork = undefined;
      }
    },
    close: () => {
      offSignal();
      terminal.close();
      stdin.unpipe(input.keys);
      stdout.write(pasteMarks.off);
    },
  };
}
