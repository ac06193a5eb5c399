import { pino, type DestinationStream, type Logger } from "pino";
import { prettyFactory } from "pino-pretty";
import type { LogSettings } from "../config/config.ts";
import { createLogWriter, type LogWriter } from "./log-writer.ts";

/** What `createLogger` takes. */
export interface LoggerOptions extends LogSettings {
  /** Whether logs go to a terminal; decides what `auto` means. */
  readonly isTerminal: boolean;
  /** Whether text may be coloured. [isTerminal] */
  readonly useColor?: boolean;
  /** [standard error] */
  readonly destination?: DestinationStream;
}

/** A logger, and how many lines it lost: a log that cannot be written stops nothing. */
export interface DaemonLog {
  readonly logger: Logger;
  droppedLineCount(): number;
}

type Format = (line: string) => string;

/** Whether people are to read the log. */
export function isPrettyLog(options: Pick<LoggerOptions, "format" | "isTerminal">): boolean {
  return options.format === "pretty" || (options.format === "auto" && options.isTerminal);
}

function createFormat(options: LoggerOptions): Format {
  if (!isPrettyLog(options)) return (line) => line;
  const { isTerminal, useColor = isTerminal } = options;
  return prettyFactory({
    colorize: useColor,
    ignore: "pid,hostname",
    singleLine: true,
    translateTime: "SYS:HH:MM:ss.l",
  });
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
          msg: "lines of the log were dropped",
        })}\n`,
      ),
  });
}

/** Creates the daemon's log: JSON lines, or text on a terminal, coloured unless it must not be. */
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
