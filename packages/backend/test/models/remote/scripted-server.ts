import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A request as the server got it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A server that answers as the test says. */
export interface ScriptedServer {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** Bytes that its connections took, those of ended ones included. */
  sentBytes(): number;
  close(): Promise<void>;
}

export type Answer = (request: SeenRequest, response: ServerResponse) => void;

/** One model of a server that says whose it is. */
export function modelList(ownedBy = "vllm"): string {
  return JSON.stringify({
    object: "list",
    data: [{ id: "m", object: "model", owned_by: ownedBy, max_model_len: 64 }],
  });
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** Starts one that ends with the test that is running; `GET /v1/models` lists one model unless `answer` sends something. */
export async function startScriptedServer(
  answer: Answer,
  options: { readonly port?: number } = {},
): Promise<ScriptedServer> {
  const requests: SeenRequest[] = [];
  let endedBytes = 0;
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const receive = (body: string): void => {
      const seen = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
      requests.push(seen);
      answer(seen, response);
      if (seen.path === "/v1/models" && !response.headersSent && !response.destroyed) {
        response.writeHead(200, { "content-type": "application/json" }).end(modelList());
      }
    };
    void text(request).then(receive);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      sockets.delete(socket);
      endedBytes += socket.bytesWritten;
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
  onTestFinished(close);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    sentBytes: () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, endedBytes),
    close,
  };
}
