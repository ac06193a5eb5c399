import { formatConfig } from "../config/format-config.ts";
import { resolveConfig } from "../config/resolve-config.ts";
import { createLogger } from "../create-logger.ts";
import { createDaemon, type Daemon } from "../daemon/daemon.ts";
import { BackendError } from "../errors.ts";
import { exitCodeOf, exitCodes } from "../exit-codes.ts";
import { formatBanner } from "./banner.ts";
import type { CommandContext, CommandRunner } from "./command-context.ts";
import { configSourcesOf } from "./setting-options.ts";
import { writeOutput } from "./write-output.ts";

interface Stopping {
  /** Resolves with the exit code once the daemon has stopped. */
  readonly stopped: Promise<number>;
  stop(reason: string, exitCode: number): void;
}

/** Drains the daemon at a signal, and ends the process at the next one, whichever they are. */
function stopAtSignals(daemon: Daemon, context: CommandContext): Stopping {
  let tellStopped: (exitCode: number) => void;
  const stopped = new Promise<number>((resolve) => {
    tellStopped = resolve;
  });
  const stop = (reason: string, exitCode: number): void => {
    daemon.stop(reason).then(
      () => tellStopped(exitCode),
      (error: unknown) => {
        context.stderr.write(`infernode: ${error instanceof Error ? error.message : String(error)}\n`);
        tellStopped(exitCodes.failure);
      },
    );
  };
  let isSignalled = false;
  const secondExitCodes = {
    SIGHUP: exitCodes.hungUp,
    SIGINT: exitCodes.interrupted,
    SIGTERM: exitCodes.terminated,
  } as const;
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
    context.onSignal(signal, () => {
      if (isSignalled) context.exit(secondExitCodes[signal]);
      isSignalled = true;
      stop(signal, exitCodes.success);
    });
  }
  return { stopped, stop };
}

/** Runs the daemon until it is told to stop. */
export const serve: CommandRunner = async (values, context) => {
  if (values["json"] === true && values["printConfig"] !== true) {
    throw new BackendError(
      "INVALID_CONFIG",
      "--json: wanted --print-config with it; --log-format json makes the log JSON",
    );
  }
  const resolved = await resolveConfig({
    ...configSourcesOf(values),
    environment: context.environment,
    directory: context.directory,
  });
  const { config, origins, file, warnings } = resolved;
  if (values["printConfig"] === true) {
    const json = (): string => JSON.stringify({ config, origins, file: file ?? null }, undefined, 2);
    const text = values["json"] === true ? json() : formatConfig(resolved);
    await writeOutput(context.stdout, `${text}\n`);
    return exitCodes.success;
  }
  const mayColor = (context.environment["NO_COLOR"] ?? "") === "";
  const isTerminal = context.stderr.isTTY;
  const logger = createLogger({ ...config.log, isTerminal, useColor: isTerminal && mayColor });
  for (const warning of warnings) logger.warn(warning);
  const startedAtMs = performance.now();
  const daemon = createDaemon(config, { logger });
  const stopping = stopAtSignals(daemon, context);
  const address = await daemon.start();
  try {
    const model = await daemon.ready();
    daemon.events.on("backend:engine-state-changed", ({ to }) => {
      if (to === "failed") stopping.stop("the engine failed", exitCodes.engineFailed);
    });
    const readyMs = Math.round(performance.now() - startedAtMs);
    const { url } = address;
    logger.info({ url, model: model.id, readyMs, pid: process.pid }, "ready");
    // The log goes to standard error, so this is alone on standard output; who asks for JSON wants no prose.
    if (config.log.format !== "json" && config.log.level !== "silent") {
      const description = daemon.engine.description ?? model.executor;
      const useColor = context.stdout.isTTY && mayColor;
      context.stdout.write(formatBanner({ url, model, description, readyMs, useColor }));
    }
  } catch (error) {
    if (daemon.engine.state !== "failed") return stopping.stopped;
    logger.fatal({ code: codeOf(error) }, error instanceof Error ? error.message : String(error));
    stopping.stop("the engine failed", exitCodeOf(error));
  }
  return stopping.stopped;
};

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
