import { open } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { ModelError } from "../../errors.ts";
import { publishFile } from "./publish-file.ts";
import type { PlannedMatrix, QuantizedFile } from "./quantized-file.ts";
import { sourceBytes } from "./row-readers.ts";
import type { QuantizeMessage } from "./quantize-worker.ts";

/** How a file is written. Defaults in brackets. */
export interface WriteQuantizedOptions {
  /** Threads that quantize at the same time. */
  readonly threadCount: number;
  /** Told how many bytes of the source were read so far. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The script of a thread. [that of this package] */
  readonly workerUrl?: URL | undefined;
}

/**
 * Quantizes matrices into a file. It is written under another name and renamed, so that at each moment the whole file is
 * there or nothing is, also where two processes write it. Nothing waits for the disk: what a power failure leaves of it
 * is compared with its checksums.
 * @throws ModelError `QUANTIZE_FAILED`; the signal's reason
 */
export async function writeQuantizedFile(file: QuantizedFile, options: WriteQuantizedOptions): Promise<void> {
  try {
    await publishFile(file.path, async (partialPath) => {
      const target = await open(partialPath, "wx");
      try {
        await target.truncate(file.sizeBytes);
        const checksums = await quantizeAll(file, partialPath, options);
        const header = file.header(checksums);
        await target.write(header, 0, header.length, 0);
      } finally {
        await target.close();
      }
    });
  } catch (cause) {
    if (cause instanceof ModelError || options.signal?.aborted === true) throw cause;
    throw failure(file.path, cause as NodeJS.ErrnoException);
  }
}

async function quantizeAll(
  file: QuantizedFile,
  targetPath: string,
  { threadCount, onProgress, signal, workerUrl }: WriteQuantizedOptions,
): Promise<ReadonlyMap<string, number>> {
  const sizeOf = ({ source }: PlannedMatrix): number => sourceBytes(source);
  const totalBytes = file.matrices.reduce((sum, matrix) => sum + sizeOf(matrix), 0);
  const checksums = new Map<string, number>();
  // The largest first, so that no thread is left with it at the end.
  const waiting = file.matrices.toSorted((a, b) => sizeOf(b) - sizeOf(a));
  let doneBytes = 0;
  const url = workerUrl ?? new URL("./quantize-worker.js", import.meta.url);

  const work = async (): Promise<void> => {
    // Flags of the program, such as `--input-type`, are not for its threads.
    const worker = new Worker(url, { workerData: { targetPath }, execArgv: [] });
    const onAbort = (): void => void worker.terminate();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      for (let matrix = waiting.shift(); matrix !== undefined; matrix = waiting.shift()) {
        const { name } = matrix;
        const answer = await ask(worker, matrix, (sourceBytes) => {
          doneBytes += sourceBytes;
          onProgress?.(doneBytes, totalBytes);
        });
        signal?.throwIfAborted();
        if (answer.type === "failed") throw failure(file.path, answer, name);
        for (const [tensor, checksum] of answer.checksums) checksums.set(tensor, checksum);
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      await worker.terminate();
    }
  };

  signal?.throwIfAborted();
  const threads = Math.max(1, Math.min(threadCount, file.matrices.length));
  const results = await Promise.allSettled(Array.from({ length: threads }, work));
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return checksums;
}

type Answer = Exclude<QuantizeMessage, { readonly type: "progress" }>;

/** Has a thread quantize one matrix; resolves with how that ended. */
async function ask(
  worker: Worker,
  matrix: PlannedMatrix,
  onProgress: (sourceBytes: number) => void,
): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (message: string): void => resolve({ type: "failed", message, code: undefined });
    worker.removeAllListeners();
    worker.on("message", (message: QuantizeMessage) => {
      if (message.type === "progress") onProgress(message.sourceBytes);
      else resolve(message);
    });
    worker.once("error", (error) => fail(error.message));
    worker.once("exit", () => fail("its thread ended"));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(matrix);
  });
}

/** @param cause `code` is the system's, where it is the system that refused */
function failure(
  path: string,
  cause: { readonly message: string; readonly code?: string | undefined },
  tensor?: string,
): ModelError {
  const mismatch = { expected: "to write the quantized weights", got: cause.message };
  return new ModelError("QUANTIZE_FAILED", mismatch, { file: path, tensor, cause });
}
