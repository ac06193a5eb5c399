import type { Logger } from "pino";
import { formatConfig } from "../config/resolve/format-config.ts";
import { resolveConfig, type ResolvedConfig } from "../config/resolve/resolve-config.ts";
import { createDaemonLog, isPrettyLog } from "../log/create-logger.ts";
import { createDaemon, type Daemon, type DaemonAddress } from "../daemon/daemon.ts";
import { unifyDevices } from "../models/local/unify-devices.ts";
import { BackendError } from "../errors.ts";
import { toExitCode, exitCodes } from "../exit-codes.ts";
import { formatBanner } from "./banner.ts";
import type { CommandContext, CommandRunner } from "./command-context.ts";
import { readConfigSources } from "./setting-options.ts";
import { writeOutput } from "./standard-streams.ts";
import { stopOnSignals } from "./stop-on-signals.ts";

function haveAllFailed({ engines }: Daemon): boolean {
  return engines.every(({ state }) => state === "failed");
}

/** Runs the daemon until it is stopped. */
export const serve: CommandRunner = async (values, context) => {
  if (values["json"] === true && values["printConfig"] !== true) {
    throw new BackendError(
      "INVALID_CONFIG",
      "--json: expected --print-config with it; for a JSON log use --log-format json",
    );
  }
  const sources = {
    ...readConfigSources(values),
    environment: context.environment,
    directory: context.directory,
  };
  let resolved: ResolvedConfig;
  try {
    resolved = await resolveConfig(sources);
  } catch (error) {
    if (!wantsJsonLog(values, context)) throw error;
    const log = createDaemonLog({ level: "info", format: "json", isTerminal: false });
    return logFatal(log.logger, error);
  }
  const { config, origins, file, warnings } = resolved;
  if (values["printConfig"] === true) {
    const json = (): string => JSON.stringify({ config, origins, file: file ?? null }, undefined, 2);
    const text = values["json"] === true ? json() : await formatConfig(resolved);
    await writeOutput(context.stdout, `${text}\n`);
    return exitCodes.success;
  }
  const mayColor = (context.environment["NO_COLOR"] ?? "") === "";
  const isTerminal = context.stderr.isTTY;
  const log = createDaemonLog({ ...config.log, isTerminal, useColor: isTerminal && mayColor });
  const { logger } = log;
  context.onUncaughtErrors({
    uncaught: (error) => {
      logger.fatal({ err: error }, "uncaught error");
      context.exit(exitCodes.failure);
    },
    warning: ({ name, message }) => logger.warn({ name }, message),
  });
  for (const warning of warnings) logger.warn(warning);
  if (config.server.mode === "gateway") {
    const { runGateway } = await import("./run-gateway.ts");
    try {
      return await runGateway({ resolved, resolve: async () => resolveConfig(sources), log, context });
    } catch (error) {
      if (isPrettyLog({ ...config.log, isTerminal }) || config.log.level === "silent") throw error;
      return logFatal(logger, error);
    }
  }
  const startedAtMs = performance.now();
  const models = await unifyDevices(config.models);
  const daemon = createDaemon(
    { ...config, models },
    { ...log, consulToken: context.environment["CONSUL_HTTP_TOKEN"] },
  );
  const stopping = stopOnSignals(daemon, { logger, context, signals: ["SIGHUP", "SIGINT", "SIGTERM"] });
  let address: DaemonAddress;
  try {
    address = await daemon.start();
  } catch (error) {
    // With a log for people, the caller prints the error as one line of plain text.
    if (isPrettyLog({ ...config.log, isTerminal }) || config.log.level === "silent") throw error;
    return logFatal(logger, error);
  }
  try {
    const models = await daemon.ready();
    daemon.events.on("backend:engine-state-changed", () => {
      if (haveAllFailed(daemon)) stopping.stop("the engine failed", exitCodes.engineFailed);
    });
    const readyMs = Math.round(performance.now() - startedAtMs);
    const { url } = address;
    const ids = models.map(({ id }) => id);
    logger.info(
      { url, ...(ids.length === 1 ? { model: ids[0] } : { models: ids }), readyMs, pid: process.pid },
      "ready",
    );
    // The log goes to standard error, so only the summary is on standard output. With a JSON log it is left out.
    if (config.log.format !== "json" && config.log.level !== "silent") {
      const useColor = context.stdout.isTTY && mayColor;
      const descriptions = new Map(daemon.engines.map(({ id, description }) => [id, description]));
      const described = models.map((model) => ({
        model,
        engine: descriptions.get(model.id) ?? model.executor,
      }));
      context.stdout.write(formatBanner({ url, models: described, readyMs, useColor }));
    }
  } catch (error) {
    if (!haveAllFailed(daemon)) return stopping.stopped;
    stopping.stop("the engine failed", logFatal(logger, error));
  }
  return stopping.stopped;
};

/** Logs why the daemon ends and returns its exit code. */
function logFatal(logger: Logger, error: unknown): number {
  logger.fatal({ code: readErrorCode(error) }, error instanceof Error ? error.message : String(error));
  return toExitCode(error);
}

/** Whether a flag or variable asks for a JSON log, for errors of the configuration itself. */
function wantsJsonLog(values: Readonly<Record<string, unknown>>, { environment }: CommandContext): boolean {
  const format =
    values["logFormat"] ?? environment["INFERNODE_LOG_FORMAT"] ?? environment["INFERNODE_LOG__FORMAT"];
  return format === "json";
}

function readErrorCode(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Runs a gateway: what `serve` does with `--mode gateway`. */
export const gateway: CommandRunner = async (values, context) =>
  serve({ ...values, mode: "gateway" }, context);
