import { BackendError } from "../errors.ts";

/** Larger than any context; an endless stream must not fill the memory. */
const maxPromptBytes = 16 * 2 ** 20;

/** Reads a prompt from a pipe or file and trims it. @throws BackendError `INVALID_CONFIG` if it is too long */
export async function readPrompt(input: NodeJS.ReadStream): Promise<string> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of input as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(part as Buffer);
    parts.push(bytes);
    sizeBytes += bytes.length;
    if (sizeBytes > maxPromptBytes) {
      throw new BackendError(
        "INVALID_CONFIG",
        `expected a prompt of at most ${maxPromptBytes} bytes on standard input, got more`,
      );
    }
  }
  return Buffer.concat(parts).toString("utf8").trim();
}

/** Every write after the first failed one has the second code. */
function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED";
}

/**
 * Writes a command's result and waits until the system has accepted it. A reader that closes the pipe early
 * (`infernode doctor | head`) is not an error; the rest of the output is dropped.
 * @throws BackendError `OUTPUT_FAILED`, for example if the disk is full
 */
export function writeOutput(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error?: NodeJS.ErrnoException | null) => {
      if (error === undefined || error === null || isReaderGone(error)) return resolve();
      const message = `cannot write to standard output: ${error.message}`;
      reject(new BackendError("OUTPUT_FAILED", message, { cause: error }));
    });
  });
}
