import type { IncomingMessage } from "node:http";
import { ApiError, type ApiErrorCode } from "../api/shared/api-error.ts";
import { engineUnavailable } from "../api/shared/to-api-error.ts";
import { createBodyBudget, type BodyShare } from "./body-budget.ts";
import { bodyLimitOf } from "./body-limit.ts";

/** Parsing a smaller body takes less time than a turn of the loop may. */
export const largeBodyBytes = 65_536;

/** What a body takes until its request is over, for each of its bytes: the bytes, the text, the parsed values. */
const memoryPerByte = 3;

/** The bytes of a body, and its memory. */
export interface ReceivedBody {
  readonly bytes: Buffer;
  readonly share: Pick<BodyShare, "release">;
}

export interface BodyReaderOptions {
  /** Memory of all bodies together. */
  readonly memoryBytes: number;
  /** The largest body; follows from the context when undefined. */
  readonly limitBytes: number | undefined;
  /** Of the model that is served, once it is known. */
  readonly contextTokens: () => number | undefined;
}

/** Reads the bodies of requests into memory that is bounded for all of them together. */
export interface BodyReader {
  /** The largest body that is taken now. */
  limitBytes(): number;
  /** @throws ApiError 400, 408, 413, 503 */
  read(request: IncomingMessage): Promise<ReceivedBody>;
  /** Bodies that are still coming are refused: what they ask would not be done. */
  stop(): void;
}

function requestError(status: number, code: ApiErrorCode, message: string): ApiError {
  return new ApiError(message, { status, type: "invalid_request_error", code });
}

function noRoom(): ApiError {
  return new ApiError("The request bodies that are being handled take all the memory that they may", {
    status: 503,
    type: "server_error",
    code: "server_overloaded",
    headers: { "retry-after": "2", "retry-after-ms": "2000" },
  });
}

/** Collects the bytes; `onBytes` is asked before each part is kept, and may take its time or throw. */
async function collect(
  request: IncomingMessage,
  signal: AbortSignal,
  onBytes: (receivedBytes: number, partBytes: number) => Promise<void> | undefined,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let receivedBytes = 0;
  return new Promise<Buffer>((resolve, reject) => {
    const settle = (end: () => void): void => {
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      signal.removeEventListener("abort", onAbort);
      end();
      // What still comes is dropped, so that the connection stays usable.
      request.resume();
    };
    const fail = (error: unknown): void => settle(() => reject(error));
    const onAbort = (): void => fail(signal.reason);
    const onEnd = (): void =>
      settle(() => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)));
    const onClose = (): void =>
      fail(requestError(400, "bad_request", "The connection closed before the body's end"));
    const onData = (part: Buffer): void => {
      receivedBytes += part.length;
      let wait: Promise<void> | undefined;
      try {
        wait = onBytes(receivedBytes, part.length);
      } catch (error) {
        fail(error);
        return;
      }
      parts.push(part);
      if (wait === undefined) return;
      request.pause();
      wait.then(() => request.resume(), fail);
    };
    request.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** Creates a reader with its budget. */
export function createBodyReader(options: BodyReaderOptions): BodyReader {
  const budget = createBodyBudget({ totalBytes: options.memoryBytes });
  const reading = new Set<AbortController>();
  let isStopped = false;
  const draining = (): ApiError => engineUnavailable("the daemon is draining: new work is refused");
  const limitBytes = (): number => bodyLimitOf(options.limitBytes, options.contextTokens());

  const read = async (request: IncomingMessage): Promise<ReceivedBody> => {
    const limit = limitBytes();
    const length = request.headers["content-length"];
    const tooLarge = (): ApiError =>
      requestError(413, "request_too_large", `The request body must not be larger than ${limit} bytes`);
    if (Number(length ?? 0) > limit) throw tooLarge();
    if (isStopped) throw draining();
    const ended = new AbortController();
    const { signal } = ended;
    reading.add(ended);
    const onLate = (): void =>
      ended.abort(requestError(408, "request_timeout", "The body did not arrive in time, and others wait"));
    const onClose = (): void =>
      ended.abort(requestError(400, "bad_request", "The connection closed before the body's end"));
    request.once("close", onClose);
    let share = budget.open();
    const waitForRoom = async (bytes: number): Promise<void> => {
      const large = await budget.take({ sizeBytes: bytes * memoryPerByte, signal, onLate });
      if (large === undefined) throw noRoom();
      share.release();
      share = large;
    };
    try {
      const isLarge = Number(length ?? 0) >= largeBodyBytes;
      if (isLarge) await waitForRoom(Number(length));
      let hasRoom = isLarge;
      const bytes = await collect(request, signal, (receivedBytes, partBytes) => {
        if (receivedBytes > limit) throw tooLarge();
        if (hasRoom) return undefined;
        if (receivedBytes >= largeBodyBytes) {
          hasRoom = true;
          // Its length is not known before its end.
          return waitForRoom(limit);
        }
        if (!share.grow(partBytes * memoryPerByte)) throw noRoom();
        return undefined;
      });
      share.settle(bytes.length * memoryPerByte);
      return { bytes, share };
    } catch (error) {
      share.release();
      throw error;
    } finally {
      request.off("close", onClose);
      reading.delete(ended);
    }
  };
  return {
    limitBytes,
    read,
    stop() {
      isStopped = true;
      for (const each of reading) each.abort(draining());
    },
  };
}
