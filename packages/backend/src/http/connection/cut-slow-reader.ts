import type { ServerResponse } from "node:http";

/** Code of the reason for closing a connection. */
export const slowReaderCode = "SLOW_READER";

/** The reason for closing a connection: its client read nothing for too long. */
export class SlowReaderError extends Error {
  override readonly name: string = "SlowReaderError";
  readonly code: string = slowReaderCode;

  constructor(writeTimeoutMs: number) {
    super(`expected the client to read data within ${writeTimeoutMs} ms, and it read none`);
  }
}

/** Closes the connection when the client reads nothing of the response for the write timeout. */
export function cutSlowReader(response: ServerResponse, writeTimeoutMs: number, onCut: () => void): void {
  response.setTimeout(writeTimeoutMs, () => {
    onCut();
    response.destroy(new SlowReaderError(writeTimeoutMs));
  });
}
