/** The parts of the process that a command may use. */
export interface CommandContext {
  /** Base of relative paths; `false` if the directory has been deleted. */
  readonly directory: string | false;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Listens for a signal of the process. Returns a function that removes the listener. */
  onSignal(signal: "SIGHUP" | "SIGINT" | "SIGTERM", handler: () => void): () => void;
  /** Handles uncaught errors and Node.js warnings, which Node.js prints as plain text by default. */
  onUncaughtErrors(handlers: {
    readonly uncaught: (error: unknown) => void;
    readonly warning: (warning: Error) => void;
  }): void;
  /** Ends the process immediately. */
  exit(code: number): never;
}

/** Runs a command and resolves with its exit code. */
export type CommandRunner = (
  values: Readonly<Record<string, unknown>>,
  context: CommandContext,
) => Promise<number>;
