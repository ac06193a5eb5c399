import { BackendError } from "../errors.ts";

/** More than any context holds; a stream without an end must not fill the memory. */
const maxPromptBytes = 16 * 2 ** 20;

/** Reads a prompt from a pipe or file, without the white space around it. @throws BackendError `INVALID_CONFIG` where it is too long */
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
        `expected a prompt of at most ${maxPromptBytes} bytes on standard input, found more`,
      );
    }
  }
  return Buffer.concat(parts).toString("utf8").trim();
}
