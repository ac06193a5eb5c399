import { openSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { quantizeMatrix } from "./quantize-matrix.ts";
import type { PlannedMatrix } from "./quantized-file.ts";

/** What a quantizing thread says. */
export type QuantizeMessage =
  | { readonly type: "progress"; readonly sourceBytes: number }
  | {
      readonly type: "done";
      /** By the name of the tensor. */
      readonly checksums: readonly (readonly [tensorName: string, checksum: number])[];
    }
  | {
      readonly type: "failed";
      readonly message: string;
      /** The system's, such as `ENOSPC`. */
      readonly code: string | undefined;
    };

const { targetPath } = workerData as { readonly targetPath: string };
const target = openSync(targetPath, "r+");
const say = (message: QuantizeMessage): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(message);
};

const sources = new Map<string, number>();
/** Keeps the files of a checkpoint open until the thread is ended. */
function openSource(path: string): number {
  const opened = sources.get(path) ?? openSync(path, "r");
  sources.set(path, opened);
  return opened;
}

// One matrix at a time, until the thread is ended.
parentPort?.on("message", (matrix: PlannedMatrix) => {
  try {
    const checksums = quantizeMatrix(matrix, { openSource, target }, (sourceBytes) =>
      say({ type: "progress", sourceBytes }),
    );
    say({ type: "done", checksums });
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    say({ type: "failed", message, code });
  }
});
