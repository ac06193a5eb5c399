import type { Writable } from "node:stream";
import type { DroppedLines } from "./dropped-lines.ts";
import { maxPendingBytes } from "./log-limits.ts";

/** Writes lines to a stream as far as its reader takes them. */
export function createStreamSink(stream: Writable, dropped: DroppedLines): (line: string) => void {
  // Each write says itself that it failed.
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
