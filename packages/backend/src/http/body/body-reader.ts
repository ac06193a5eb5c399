import type { IncomingMessage } from "node:http";
import { ApiError } from "../../api/shared/api-error.ts";
import { engineUnavailable } from "../../api/shared/to-api-error.ts";
import { createBodyBudget, type BodyShare } from "./body-budget.ts";
import { bodyLimitOf } from "./body-limit.ts";

/** Parsing a smaller body is quick enough for the event loop. */
export const largeBodyBytes = 65_536;

/** Memory that a request holds for each byte of its body: the bytes, the text, the parsed values. */
export const memoryPerByte = 3;

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
  /** The longest of all models; `undefined` while none is loaded. */
  readonly contextTokens: () => number | undefined;
}

/** Reads the bodies of requests into memory that is bounded for all of them together. */
export interface BodyReader {
  /** The largest body that is accepted now. */
  limitBytes(): number;
  /** The memory of a message that comes otherwise; it takes `memoryPerByte` for each of its bytes. */
  openShare(): BodyShare;
  /** @throws ApiError 400, 408, 413, 503 */
  read(request: IncomingMessage): Promise<ReceivedBody>;
  /** Rejects bodies that are still arriving. */
  stop(): void;
}

function noRoom(): ApiError {
  const message = "The memory for request bodies (server.bodyMemoryBytes) is used up by other requests";
  return new ApiError("server_overloaded", message, { retryAfterMs: 2000 });
}

function closedEarly(): ApiError {
  return new ApiError("bad_request", "The connection closed before the end of the body");
}

/** Collects the bytes; `onBytes` is called before each part is kept, and may wait or throw. */
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
      // The rest is read and dropped, so that the connection stays usable.
      request.resume();
    };
    const fail = (error: unknown): void => settle(() => reject(error));
    const onAbort = (): void => fail(signal.reason);
    const onEnd = (): void =>
      settle(() => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)));
    const onClose = (): void => fail(closedEarly());
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
  const draining = (): ApiError => engineUnavailable("The server is draining: new requests are rejected");
  const limitBytes = (): number => bodyLimitOf(options.limitBytes, options.contextTokens());

  const read = async (request: IncomingMessage): Promise<ReceivedBody> => {
    const limit = limitBytes();
    const length = request.headers["content-length"];
    const tooLarge = (): ApiError =>
      new ApiError(
        "request_too_large",
        `Invalid request body: expected at most ${limit} bytes (server.bodyLimitBytes), got more`,
      );
    if (Number(length ?? 0) > limit) throw tooLarge();
    if (isStopped) throw draining();
    const ended = new AbortController();
    const { signal } = ended;
    reading.add(ended);
    const onLate = (): void =>
      ended.abort(new ApiError("request_timeout", "The body did not arrive in time, and others wait"));
    const onClose = (): void => {
      // A request also closes after its end, before whoever waits for the body goes on.
      if (!request.readableEnded) ended.abort(closedEarly());
    };
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
          // Its length is unknown.
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
    openShare: () => budget.open(),
    read,
    stop() {
      isStopped = true;
      for (const each of reading) each.abort(draining());
    },
  };
}
