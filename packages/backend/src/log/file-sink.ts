import { writeSync } from "node:fs";
import { maxPendingBytes, type DroppedLines } from "./dropped-lines.ts";

/** Interval between attempts to write what a stopped terminal did not take. */
const retryMs = 50;

/** The unwritten rest of a line, and how many dropped lines it reports. */
interface Pending {
  readonly bytes: Buffer;
  readonly reportedCount: number | undefined;
}

/** Creates a sink that writes lines to a file, a device or a terminal, synchronously if possible. */
export function createFileSink(descriptor: number, dropped: DroppedLines): (line: string) => void {
  const queue: Pending[] = [];
  let queuedBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  /** Whether the last line was written only in part. */
  let isBroken = false;

  /** Returns what must be written later; drops the lines if they cannot be written at all. */
  const tryWrite = ({ bytes, reportedCount }: Pending): Pending | undefined => {
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(descriptor, bytes, written);
      isBroken = false;
      return undefined;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") return { bytes: bytes.subarray(written), reportedCount };
      isBroken ||= written > 0;
      dropped.drop(message, reportedCount);
      return undefined;
    }
  };
  const enqueue = (rest: Pending): void => {
    queue.push(rest);
    queuedBytes += rest.bytes.length;
    timer ??= setInterval(flush, retryMs).unref();
  };
  const flush = (): void => {
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      const rest = tryWrite(first);
      queuedBytes -= first.bytes.length - (rest?.bytes.length ?? 0);
      if (rest !== undefined) {
        queue[0] = rest;
        return;
      }
      queue.shift();
    }
    clearInterval(timer);
    timer = undefined;
  };

  return (line) => {
    if (queuedBytes + line.length > maxPendingBytes) {
      dropped.drop("the terminal is stopped");
      return;
    }
    const notice = dropped.takeNotice();
    const bytes = Buffer.from(`${isBroken ? "\n" : ""}${notice?.text ?? ""}${line}`);
    const pending = { bytes, reportedCount: notice?.lineCount };
    const rest = queue.length === 0 ? tryWrite(pending) : pending;
    if (rest !== undefined) enqueue(rest);
  };
}
