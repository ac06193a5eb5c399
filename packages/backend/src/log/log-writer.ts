import { constants, openSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { WriteStream } from "node:tty";
import { createDroppedLines, maxPendingBytes, type DroppedLines } from "./dropped-lines.ts";
import { createFileSink } from "./file-sink.ts";

/** Writes the lines of a log. A line that cannot be written is dropped and counted; writing never throws. */
export interface LogWriter {
  write(line: string): void;
  /** Lines dropped since the start. */
  droppedLineCount(): number;
}

export interface LogWriterOptions {
  /** [2] */
  readonly descriptor?: number;
  /** The stream of that descriptor, for pipes and sockets. [process.stderr] */
  readonly stream?: Writable;
  /** Formats the line that reports the number of missing lines once writing works again. */
  readonly formatNotice: (lineCount: number, reason: string) => string;
}

/** Creates a sink that writes lines to a stream as long as its reader keeps up. */
function createStreamSink(stream: Writable, dropped: DroppedLines): (line: string) => void {
  // Each write reports its own error.
  stream.on("error", () => undefined);
  return (line) => {
    if (stream.writableLength + line.length > maxPendingBytes) {
      dropped.drop("the reader is too slow");
      return;
    }
    const notice = dropped.takeNotice();
    stream.write((notice?.text ?? "") + line, (error) => {
      if (error) dropped.drop(error.message, notice?.lineCount);
    });
  };
}

/** Reopens the descriptor as non-blocking: a stopped terminal (Ctrl-S) blocks its writers otherwise. */
function openNonBlocking(descriptor: number): number {
  try {
    return openSync(
      `/proc/self/fd/${descriptor}`,
      constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
  } catch {
    return descriptor;
  }
}

/** Creates a writer for a descriptor, which may be a file, a terminal, a pipe or a socket. */
export function createLogWriter(options: LogWriterOptions): LogWriter {
  const { descriptor = 2, stream = process.stderr } = options;
  const dropped = createDroppedLines(options.formatNotice);
  const isTerminal = stream instanceof WriteStream;
  // Checks the stream instead of `fstatSync`: after `fstatSync` on a pipe, `realpathSync` of Node.js 20 resolves no
  // symbolic links (it reads the type of the last file that was queried), and modules are not found.
  const isConnection = stream instanceof Socket && !isTerminal;
  // Node.js does not block on a pipe or a socket; it buffers in memory.
  const sink = isConnection
    ? createStreamSink(stream, dropped)
    : createFileSink(isTerminal ? openNonBlocking(descriptor) : descriptor, dropped);
  return { write: sink, droppedLineCount: () => dropped.totalCount };
}
