import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { crc32 } from "node:zlib";
import type { ByteRange } from "../stored-weight.ts";

/** Bytes of a file, to be read, and to be copied where there is a target. */
export interface RangeJob {
  readonly source: ByteRange & { readonly filePath: string };
  readonly target?: { readonly filePath: string; readonly startByte: number } | undefined;
}

/** What a thread says about a job. */
export type RangeMessage =
  | { readonly type: "progress"; readonly bytes: number }
  | { readonly type: "done"; readonly checksum: number }
  | { readonly type: "failed"; readonly message: string; readonly code: string | undefined };

/** The system keeps what is written from one multiple of this to the next in one large page, if it is written at once. */
const windowBytes = 2 * 2 ** 20;
const buffer = new Uint8Array(windowBytes);

/** Returns the CRC-32 of the range. */
function run({ source, target }: RangeJob, onBytes: (bytes: number) => void): number {
  const from = openSync(source.filePath, "r");
  try {
    if (target === undefined) return read(source, { from, position: source.startByte }, onBytes);
    const to = openSync(target.filePath, "r+");
    try {
      let position = target.startByte;
      return read(source, { from, position }, (count) => {
        for (let done = 0; done < count;) done += writeSync(to, buffer, done, count - done, position + done);
        position += count;
        onBytes(count);
      });
    } finally {
      closeSync(to);
    }
  } finally {
    // What was read may be removed as soon as this is done.
    closeSync(from);
  }
}

/** Reads a range into `buffer`, part by part; the parts end at multiples of a window from `position` on. */
function read(
  source: RangeJob["source"],
  { from, position }: { readonly from: number; readonly position: number },
  onBytes: (bytes: number) => void,
): number {
  let checksum = 0;
  for (let at = source.startByte; at < source.endByte;) {
    const inWindow = (position + at - source.startByte) % windowBytes;
    const count = readSync(from, buffer, 0, Math.min(windowBytes - inWindow, source.endByte - at), at);
    if (count === 0) throw new Error(`${source.filePath} ends at byte ${at}`);
    checksum = crc32(buffer.subarray(0, count), checksum);
    at += count;
    onBytes(count);
  }
  return checksum;
}

const say = (message: RangeMessage): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(message);
};

// One job at a time, until the thread is ended.
parentPort?.on("message", (job: RangeJob) => {
  try {
    const checksum = run(job, (bytes) => say({ type: "progress", bytes }));
    say({ type: "done", checksum });
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    say({ type: "failed", message, code });
  }
});
