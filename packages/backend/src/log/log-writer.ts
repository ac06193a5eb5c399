import { constants, openSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { WriteStream } from "node:tty";
import { createDroppedLines } from "./dropped-lines.ts";
import { createFileSink } from "./file-sink.ts";
import { createStreamSink } from "./stream-sink.ts";

/** Where the lines of a log go. A line that cannot be written is dropped and counted; writing never throws. */
export interface LogWriter {
  write(line: string): void;
  /** Lines that were dropped since the start. */
  droppedLineCount(): number;
}

export interface LogWriterOptions {
  /** [2] */
  readonly descriptor?: number;
  /** The stream of that descriptor, for pipes and sockets. [process.stderr] */
  readonly stream?: Writable;
  /** Makes the line that says, once writing works again, how many are missing. */
  readonly formatNotice: (lineCount: number, reason: string) => string;
}

/** A terminal that was stopped (Ctrl-S) blocks its writers, except through a descriptor that does not wait. */
function openWithoutWaiting(descriptor: number): number {
  try {
    return openSync(
      `/proc/self/fd/${descriptor}`,
      constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
  } catch {
    return descriptor;
  }
}

/** Creates a writer for whatever the descriptor is: a file, a terminal, a pipe or a socket. */
export function createLogWriter(options: LogWriterOptions): LogWriter {
  const { descriptor = 2, stream = process.stderr } = options;
  const dropped = createDroppedLines(options.formatNotice);
  const isTerminal = stream instanceof WriteStream;
  // Asked of the stream, and not by `fstatSync`: after that on a pipe, Node.js 20 resolves no symbolic links any
  // more (`realpathSync` looks at the type of what was asked last), and modules are not found.
  const isConnection = stream instanceof Socket && !isTerminal;
  // Node.js never waits for a pipe or a socket, and keeps in memory what is not taken.
  const sink = isConnection
    ? createStreamSink(stream, dropped)
    : createFileSink(isTerminal ? openWithoutWaiting(descriptor) : descriptor, dropped);
  return { write: sink, droppedLineCount: () => dropped.totalCount };
}
