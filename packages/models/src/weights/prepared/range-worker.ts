import { openSync, readSync, writeSync } from "node:fs";
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

const windowBytes = 2 ** 20;
const buffer = new Uint8Array(windowBytes);
const files = new Map<string, number>();

function fileOf(path: string, flags: "r" | "r+"): number {
  const key = `${flags} ${path}`;
  const file = files.get(key) ?? openSync(path, flags);
  files.set(key, file);
  return file;
}

/** Returns the CRC-32 of the range. */
function run({ source, target }: RangeJob, onBytes: (bytes: number) => void): number {
  const from = fileOf(source.filePath, "r");
  const to = target === undefined ? undefined : fileOf(target.filePath, "r+");
  let checksum = 0;
  for (let at = source.startByte; at < source.endByte;) {
    const wanted = Math.min(windowBytes, source.endByte - at);
    const bytes = buffer.subarray(0, readSync(from, buffer, 0, wanted, at));
    if (bytes.length === 0) throw new Error(`${source.filePath} ends at byte ${at}`);
    checksum = crc32(bytes, checksum);
    if (to !== undefined && target !== undefined) {
      const position = target.startByte + at - source.startByte;
      for (let done = 0; done < bytes.length;) {
        done += writeSync(to, bytes, done, bytes.length - done, position + done);
      }
    }
    at += bytes.length;
    onBytes(bytes.length);
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
