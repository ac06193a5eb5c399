import { pino, type DestinationStream, type Logger } from "pino";
import pretty from "pino-pretty";
import type { LogSettings } from "./config/config.ts";

/** What `createLogger` takes. */
export interface LoggerOptions extends LogSettings {
  /** Whether logs go to a terminal; decides what `auto` means. */
  readonly isTerminal: boolean;
  /** Whether text may be coloured. [isTerminal] */
  readonly useColor?: boolean;
  /** [standard error] */
  readonly destination?: DestinationStream;
}

/** Whether people are to read the log. */
function isPrettyLog(options: Pick<LoggerOptions, "format" | "isTerminal">): boolean {
  return options.format === "pretty" || (options.format === "auto" && options.isTerminal);
}

/** Creates the daemon's logger: JSON lines, or text on a terminal, coloured unless it must not be. */
export function createLogger(options: LoggerOptions): Logger {
  const { level, isTerminal, useColor = isTerminal, destination } = options;
  if (!isPrettyLog(options)) {
    const base = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
    return pino(base, destination ?? pino.destination({ fd: 2, sync: true }));
  }
  const stream = pretty({
    colorize: useColor,
    destination: destination ?? 2,
    ignore: "pid,hostname",
    singleLine: true,
    sync: true,
    translateTime: "SYS:HH:MM:ss.l",
  });
  return pino({ level }, stream);
}
