import type { ServerResponse } from "node:http";

/** Code of the reason why a connection was cut. */
export const slowReaderCode = "SLOW_READER";

/** Why a connection was cut: its reader took nothing for too long. */
export class SlowReaderError extends Error {
  override readonly name: string = "SlowReaderError";
  readonly code: string = slowReaderCode;

  constructor(writeTimeoutMs: number) {
    super(`the reader was to take data within ${writeTimeoutMs} ms and took none`);
  }
}

/** Cuts the connection when nothing of a response that is on its way was taken for that long. */
export function cutSlowReader(response: ServerResponse, writeTimeoutMs: number, onCut: () => void): void {
  response.setTimeout(writeTimeoutMs, () => {
    onCut();
    response.destroy(new SlowReaderError(writeTimeoutMs));
  });
}
