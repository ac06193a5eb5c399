import type { Logger } from "pino";
import { createResolvers } from "../create-resolvers.ts";
import { exitCodes } from "../exit-codes.ts";
import type { CommandContext } from "./command-context.ts";

type StopSignal = "SIGHUP" | "SIGINT" | "SIGTERM";

/** A server that is being stopped, or will be. */
export interface Stopping {
  /** Resolves with the exit code once the server has stopped. */
  readonly stopped: Promise<number>;
  stop(reason: string, exitCode: number): void;
}

export interface StopOptions {
  readonly logger: Logger;
  readonly context: CommandContext;
  readonly signals: readonly StopSignal[];
}

/** A signal arrives twice if it is sent to the process group and also forwarded by a parent, later on a busy machine. */
const duplicateSignalMs = 150;
/** The same where npm, or the program that `npm start` runs, is such a parent. */
const npmDuplicateSignalMs = 500;
const forwardingScripts: ReadonlySet<string | undefined> = new Set(["start", "npx"]);

const secondExitCodes: Readonly<Record<StopSignal, number>> = {
  SIGHUP: exitCodes.hungUp,
  SIGINT: exitCodes.interrupted,
  SIGTERM: exitCodes.terminated,
};

/** Drains a server at the first signal and ends the process at the second, whichever they are. */
export function stopOnSignals(
  server: { stop(reason: string): Promise<void> },
  { logger, context, signals }: StopOptions,
): Stopping {
  const stopped = createResolvers<number>();
  const isForwarded = forwardingScripts.has(context.environment["npm_lifecycle_event"]);
  const windowMs = isForwarded ? npmDuplicateSignalMs : duplicateSignalMs;
  const stop = (reason: string, exitCode: number): void => {
    server.stop(reason).then(
      () => stopped.resolve(exitCode),
      (error: unknown) => {
        logger.error({ err: error }, "the daemon failed to stop cleanly");
        stopped.resolve(exitCodes.failure);
      },
    );
  };
  let first: { readonly signal: string; readonly atMs: number } | undefined;
  for (const signal of signals) {
    context.onSignal(signal, () => {
      if (first === undefined) {
        first = { signal, atMs: performance.now() };
        setTimeout(() => stop(signal, exitCodes.success), windowMs);
      } else if (signal !== first.signal || performance.now() - first.atMs >= windowMs) {
        context.exit(secondExitCodes[signal]);
      }
    });
  }
  return { stopped: stopped.promise, stop };
}
