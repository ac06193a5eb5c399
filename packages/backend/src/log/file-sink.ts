import { writeSync } from "node:fs";
import type { DroppedLines } from "./dropped-lines.ts";
import { maxPendingBytes, retryMs } from "./log-limits.ts";

/** The rest of a line that waits until a terminal goes on, and of how many dropped lines it speaks. */
interface Pending {
  readonly bytes: Buffer;
  readonly announced: number | undefined;
}

/** Writes lines to a file, a device or a terminal, at once where it can be. */
export function createFileSink(descriptor: number, dropped: DroppedLines): (line: string) => void {
  const queue: Pending[] = [];
  let queuedBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  /** The last line is there in part only. */
  let isBroken = false;

  /** Answers what could not be written yet, or nothing; drops the lines when they cannot be. */
  const writeNow = ({ bytes, announced }: Pending): Pending | undefined => {
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(descriptor, bytes, written);
      isBroken = false;
      return undefined;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") return { bytes: bytes.subarray(written), announced };
      isBroken ||= written > 0;
      dropped.drop(message, announced);
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
      const rest = writeNow(first);
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
    const pending = { bytes, announced: notice?.lineCount };
    const rest = queue.length === 0 ? writeNow(pending) : pending;
    if (rest !== undefined) enqueue(rest);
  };
}
