import type { IncomingMessage } from "node:http";
import { cutSlowReader, SlowReaderError } from "../../http/connection/cut-slow-reader.ts";
import type { Client } from "./client.ts";
import { areComments, WholeEvents } from "./whole-events.ts";

/** How the relaying of an answer ended: `failed` if the client has got nothing that matters, so that another may follow. */
export type RelayEnd = "completed" | "failed" | "broken" | "cancelled";

export interface RelayOptions {
  readonly answer: IncomingMessage;
  readonly client: Client;
  /** Of the answer to the client, flat. */
  readonly headers: readonly string[];
  /** Called with the first bytes that are content. */
  readonly onContent: (bytes: Buffer) => void;
}

/** An answer that is not a stream and not longer than this is sent when it is whole. */
const maxWholeBytes = 65_536;

/** Whether an answer is a stream of server-sent events. */
export function isEventStream({ headers }: Pick<IncomingMessage, "headers">): boolean {
  return /^text\/event-stream\b/i.test(headers["content-type"] ?? "");
}

/** Passes an answer on byte for byte, as fast as the client reads it. */
export async function relayAnswer(options: RelayOptions): Promise<RelayEnd> {
  const { answer, client, onContent } = options;
  const { response, signal, writeTimeoutMs } = client;
  const events = isEventStream(answer) ? new WholeEvents() : undefined;
  const length = Number(answer.headers["content-length"] ?? Number.NaN);
  const whole: Buffer[] | undefined = events === undefined && length <= maxWholeBytes ? [] : undefined;
  let slowTimer: NodeJS.Timeout | undefined;

  const writeHead = (): void => {
    if (response.headersSent) return;
    client.isStream = events !== undefined;
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? "", [
      ...options.headers,
      ...client.headers,
    ]);
  };
  const watchReader = (): void => {
    slowTimer ??= setTimeout(() => response.destroy(new SlowReaderError(writeTimeoutMs)), writeTimeoutMs);
  };
  const write = (bytes: Buffer): void => {
    if (!client.hasContent && (events === undefined || !areComments(bytes))) {
      client.hasContent = true;
      onContent(bytes);
    }
    writeHead();
    if (response.write(bytes)) return;
    answer.pause();
    watchReader();
  };

  return new Promise<RelayEnd>((resolve) => {
    const onDrain = (): void => {
      clearTimeout(slowTimer);
      slowTimer = undefined;
      answer.resume();
    };
    const settle = (end: RelayEnd): void => {
      answer.off("data", onData).off("end", onEnd).off("close", onClose);
      signal.removeEventListener("abort", onAbort);
      response.off("drain", onDrain);
      clearTimeout(slowTimer);
      resolve(end);
    };
    const onData = (bytes: Buffer): void => {
      if (whole !== undefined) {
        whole.push(bytes);
        return;
      }
      const piece = events === undefined ? bytes : events.push(bytes);
      if (piece !== undefined) write(piece);
    };
    const onEnd = (): void => {
      if (!answer.complete) return;
      const rest = whole === undefined ? events?.takeRest() : Buffer.concat(whole);
      if (rest !== undefined && rest.length > 0) write(rest);
      writeHead();
      client.hasContent = true;
      response.end();
      // Of what it has not read yet.
      cutSlowReader(response, writeTimeoutMs, () => undefined);
      settle("completed");
    };
    const endEvent = (): void => {
      // What the client has of an event would be read with the next one.
      if (events?.isMidEvent === true) response.write("\n\n");
    };
    const onClose = (): void => {
      if (client.hasContent) endEvent();
      settle(client.hasContent ? "broken" : "failed");
    };
    const onAbort = (): void => {
      answer.destroy();
      if (!response.destroyed) endEvent();
      settle("cancelled");
    };
    answer
      .on("data", onData)
      .on("end", onEnd)
      .on("close", onClose)
      .on("error", () => undefined);
    response.on("drain", onDrain);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
