import { finished, Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import type { PreparedGeneration, StreamEvent } from "../api/shared/generation.ts";
import { toApiError } from "../api/shared/to-api-error.ts";
import type { WireFormat } from "../api/shared/wire-format.ts";
import { abortWhenClientGone, clientGoneCode } from "./connection/client-gone.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpServerConfig } from "./http-server-options.ts";
import { cutSlowReader, slowReaderCode, SlowReaderError } from "./connection/cut-slow-reader.ts";
import { openSseStream } from "./sse-stream.ts";

export interface SendGenerationOptions {
  readonly exchange: Exchange;
  readonly format: WireFormat;
  readonly config: Pick<HttpServerConfig, "pingIntervalMs" | "writeTimeoutMs">;
}

/** Longer answers are written in parts, so that other requests are served in between. */
const partChars = 65_536;

function* joinParts(pieces: Iterable<string>): Generator<string> {
  let part = "";
  for (const piece of pieces) {
    part += piece;
    if (part.length < partChars) continue;
    yield part;
    part = "";
  }
  if (part !== "") yield part;
}

function* chain(first: readonly string[], rest: Iterable<string>): Generator<string> {
  yield* first;
  yield* rest;
}

function sendWhole(reply: FastifyReply, pieces: Iterable<string>): FastifyReply {
  void reply.header("content-type", "application/json; charset=utf-8");
  const parts = joinParts(pieces);
  const { value: first = "" } = parts.next();
  const second = parts.next();
  if (second.done === true) return reply.send(first);
  // The length in bytes is unknown: the rest is made as it is read.
  return reply.send(Readable.from(chain([first, second.value], parts), { highWaterMark: 1 }));
}

/**
 * Runs a generation and sends the answer, as JSON or as events. Until the engine has queued it, a failure is an HTTP
 * status; after that a stream's failure is its last event. The work stops when the client disconnects.
 */
export async function sendGeneration(
  reply: FastifyReply,
  prepared: PreparedGeneration,
  options: SendGenerationOptions,
): Promise<FastifyReply> {
  const { exchange, format, config } = options;
  exchange.model = prepared.modelId;
  exchange.isStream = prepared.isStream;
  const signal = abortWhenClientGone(reply.raw);
  try {
    const generation = await prepared.start(signal);
    exchange.progress = generation.progress;
    void reply.headers(generation.headers ?? {});
    finished(reply.raw, () => generation.release());
    if (!prepared.isStream) {
      const pieces = await generation.collect();
      cutSlowReader(reply.raw, config.writeTimeoutMs, () => (exchange.cutBy = slowReaderCode));
      return await sendWhole(reply, pieces);
    }

    reply.hijack();
    const stream = openSseStream(reply.raw, {
      headers: reply.getHeaders() as Record<string, string>,
      pingIntervalMs: config.pingIntervalMs,
      writeTimeoutMs: config.writeTimeoutMs,
      signal,
    });
    const end = (event: StreamEvent | undefined): void => {
      cutSlowReader(reply.raw, config.writeTimeoutMs, () => (exchange.cutBy = slowReaderCode));
      stream.end(event);
    };
    try {
      for await (const chunks of generation.chunks()) {
        const isFull = stream.write(chunks);
        if (isFull !== undefined) await isFull;
      }
      end(format.streamEnd);
    } catch (error) {
      if (signal.aborted) {
        exchange.cutBy = clientGoneCode;
      } else if (error instanceof SlowReaderError) {
        exchange.cutBy = error.code;
      } else {
        exchange.error = toApiError(error, prepared.fieldNames);
        end(format.errors.toEvent(exchange.error, reply.request.id));
      }
    } finally {
      stream.close();
    }
    return reply;
  } catch (error) {
    if (!signal.aborted) throw toApiError(error, prepared.fieldNames);
    exchange.cutBy = clientGoneCode;
    reply.hijack();
    return reply;
  }
}
