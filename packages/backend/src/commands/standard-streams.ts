import { BackendError } from "../errors.ts";

/** Every write after the first that failed has the second code. */
function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED";
}

/**
 * Writes what a command is asked for, and waits until the system has it. A reader that left early
 * (`infernode doctor | head`) is no failure; what it does not want is dropped.
 * @throws BackendError `OUTPUT_FAILED`, such as on a full disk
 */
export function writeOutput(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error?: NodeJS.ErrnoException | null) => {
      if (error === undefined || error === null || isReaderGone(error)) return resolve();
      const message = `standard output cannot be written: ${error.message}`;
      reject(new BackendError("OUTPUT_FAILED", message, { cause: error }));
    });
  });
}
