/** What a command may touch of the process that runs it. */
export interface CommandContext {
  /** What relative paths count from; `false` where it was deleted. */
  readonly directory: string | false;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Hears a signal of the process; answers a function that stops it. */
  onSignal(signal: "SIGHUP" | "SIGINT" | "SIGTERM", handler: () => void): () => void;
  /** Takes what was thrown where nobody caught it, and Node.js' own warnings; by default they are plain text. */
  onStrayErrors(handlers: {
    readonly uncaught: (error: unknown) => void;
    readonly warning: (warning: Error) => void;
  }): void;
  /** Ends the process at once. */
  exit(code: number): never;
}

/** Runs a command; the answer is the exit code. */
export type CommandRunner = (
  values: Readonly<Record<string, unknown>>,
  context: CommandContext,
) => Promise<number>;
