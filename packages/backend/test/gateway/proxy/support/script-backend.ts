import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { KnownBackend } from "../../../../src/gateway/backends/backend-table.ts";

/** A request that a backend got. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly response: ServerResponse;
  /** Resolves when the gateway closes the connection, or the answer is complete. */
  readonly closed: Promise<unknown>;
}

/** What a backend does with a request. */
export type Script = (request: SeenRequest, response: ServerResponse) => void;

/** A backend that does what its script says. */
export interface ScriptBackend {
  readonly known: KnownBackend;
  readonly seen: readonly SeenRequest[];
  /** Resolves with the next request. */
  next(): Promise<SeenRequest>;
  /** Replaces the script. */
  become(script: Script): void;
}

export const streamHead = { "content-type": "text/event-stream; charset=utf-8" };

/** Answers with a whole stream. */
export const completes =
  (...pieces: readonly string[]): Script =>
  (_request, response) => {
    response.writeHead(200, streamHead);
    for (const piece of pieces) response.write(piece);
    response.end();
  };

/** Sends so much of a stream, and dies. */
export const diesAfter =
  (...pieces: readonly string[]): Script =>
  (_request, response) => {
    response.writeHead(200, streamHead).flushHeaders();
    response.write(pieces.join(""), () => response.socket?.resetAndDestroy());
  };

/** Answers with JSON. */
export const answers =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Script =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  };

/** Starts a backend for one test. It serves the model `tiny`. */
export async function startBackend(id: string, script: Script): Promise<ScriptBackend> {
  const seen: SeenRequest[] = [];
  const waiting: ((request: SeenRequest) => void)[] = [];
  let current = script;
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const one: SeenRequest = {
        method: request.method ?? "",
        target: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(parts).toString(),
        response,
        closed: once(response, "close"),
      };
      seen.push(one);
      waiting.shift()?.(one);
      current(one, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    known: {
      backend: { id, url: new URL(`http://127.0.0.1:${port}`), headers: {}, source: "static" },
      isHealthy: true,
      models: [{ id: "tiny", aliases: ["small"], isReady: true, contextTokens: 512 }],
    },
    seen,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    become: (next) => (current = next),
  };
}
