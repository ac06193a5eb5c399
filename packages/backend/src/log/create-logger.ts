import { createRequire } from "node:module";
import { pino, type DestinationStream, type Logger } from "pino";
import type { LogSettings } from "../config/config.ts";
import { createLogWriter, type LogWriter } from "./log-writer.ts";

/** What `createLogger` takes. */
export interface LoggerOptions extends LogSettings {
  /** Whether the log goes to a terminal; resolves the format `auto`. */
  readonly isTerminal: boolean;
  /** Whether text is coloured. [isTerminal] */
  readonly useColor?: boolean;
  /** [standard error] */
  readonly destination?: DestinationStream;
}

/** A logger with the number of lines that it dropped. A log that cannot be written does not block the daemon. */
export interface DaemonLog {
  readonly logger: Logger;
  droppedLineCount(): number;
}

type Format = (line: string) => string;

/** Whether the log is formatted for people. */
export function isPrettyLog(options: Pick<LoggerOptions, "format" | "isTerminal">): boolean {
  return options.format === "pretty" || (options.format === "auto" && options.isTerminal);
}

function createFormat(options: LoggerOptions): Format {
  if (!isPrettyLog(options)) return (line) => line;
  const { isTerminal, useColor = isTerminal } = options;
  // Loaded where a log is for people: a program that has none need not wait for it.
  const { prettyFactory } = createRequire(import.meta.url)("pino-pretty") as typeof import("pino-pretty");
  const format = prettyFactory({
    colorize: useColor,
    ignore: "pid,hostname",
    singleLine: true,
    translateTime: "SYS:HH:MM:ss.l",
  });
  // JSON leaves these control characters as they are, and a name from outside must not command the terminal.
  return (line) => format(line).replaceAll(/[\u007F-\u009F]/g, "\uFFFD");
}

function createStandardError(format: Format): LogWriter {
  return createLogWriter({
    formatNotice: (droppedLineCount, reason) =>
      format(
        `${JSON.stringify({
          level: 40,
          time: new Date().toISOString(),
          droppedLineCount,
          reason,
          msg: "log lines dropped",
        })}\n`,
      ),
  });
}

/** Creates the daemon's log: JSON lines, or text on a terminal. */
export function createDaemonLog(options: LoggerOptions): DaemonLog {
  const format = createFormat(options);
  const writer = options.destination === undefined ? createStandardError(format) : undefined;
  const destination = writer ?? options.destination;
  const logger = pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line) => destination?.write(format(line)) },
  );
  return { logger, droppedLineCount: () => writer?.droppedLineCount() ?? 0 };
}

/** Creates the daemon's logger. */
export function createLogger(options: LoggerOptions): Logger {
  return createDaemonLog(options).logger;
}
