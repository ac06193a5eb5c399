import { watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Logger } from "pino";
import type { InfernodeConfig } from "../config/config.ts";
import type { ResolvedConfig } from "../config/resolve/resolve-config.ts";
import { createGateway, type Gateway } from "../daemon/gateway.ts";
import type { DaemonLog } from "../log/create-logger.ts";
import type { CommandContext } from "./command-context.ts";
import { stopOnSignals } from "./stop-on-signals.ts";

/** An editor writes a file in several steps. */
const settleMs = 200;

export interface RunGatewayOptions {
  readonly resolved: ResolvedConfig;
  /** Reads the same sources again. */
  readonly resolve: () => Promise<ResolvedConfig>;
  readonly log: DaemonLog;
  readonly context: CommandContext;
}

/** Sections that are read at start only. */
const fixedSections = ["server", "log", "discovery", "consul"] as const;

function reportFixed(before: InfernodeConfig, after: InfernodeConfig, logger: Logger): void {
  const changed = fixedSections.filter(
    (section) => JSON.stringify(before[section]) !== JSON.stringify(after[section]),
  );
  if (changed.length > 0) {
    logger.warn(
      { sections: changed },
      "the configuration changed in sections that take effect at the next start",
    );
  }
}

/** Reloads the configuration one time after the other; one that is not valid changes nothing. */
function createReload(gateway: Gateway, { resolved, resolve, log }: RunGatewayOptions): () => void {
  const { logger } = log;
  let running: Promise<void> | undefined;
  let isAgain = false;
  const reload = async (): Promise<void> => {
    do {
      isAgain = false;
      try {
        const { config } = await resolve();
        reportFixed(resolved.config, config, logger);
        await gateway.reload(config.gateway);
      } catch (error) {
        logger.error({ err: error }, "the configuration could not be reloaded, and stays as it was");
      }
    } while (isAgain);
    running = undefined;
  };
  return () => {
    isAgain = true;
    running ??= reload();
  };
}

/** Calls back after changes of a file, also where it is replaced by another one. Returns a function that ends that. */
function watchFile(file: string, onChange: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const name = basename(file);
  const watcher = watch(dirname(file), { persistent: false }, (_event, changed) => {
    // Kubernetes replaces a link beside the file.
    if (changed !== null && changed !== name && !changed.startsWith("..")) return;
    clearTimeout(timer);
    timer = setTimeout(onChange, settleMs).unref();
  });
  watcher.on("error", () => undefined);
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}

/** Runs a gateway until it is stopped; SIGHUP and a change of the configuration file reload it. */
export async function runGateway(options: RunGatewayOptions): Promise<number> {
  const { resolved, log, context } = options;
  const { config, file } = resolved;
  const { logger } = log;
  const startedAtMs = performance.now();
  const gateway = createGateway(config, { ...log, environment: context.environment });
  const { stopped } = stopOnSignals(gateway, { logger, context, signals: ["SIGINT", "SIGTERM"] });
  const reload = createReload(gateway, options);
  context.onSignal("SIGHUP", reload);
  const { url } = await gateway.start();
  const endWatch = file === undefined ? () => undefined : watchFile(file, reload);
  await gateway.ready();
  const backends = gateway.backends().map(({ backend }) => backend.id);
  logger.info(
    { url, backends, readyMs: Math.round(performance.now() - startedAtMs), pid: process.pid },
    "ready",
  );
  return stopped.finally(endWatch);
}
