// A server whose streams send a chunk at an even rate, with the time in each; a process of its own for
// `serving/gateway`. Prints its port.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

interface StreamRequest {
  readonly stream?: boolean;
  readonly chunkCount?: number;
  readonly intervalMs?: number;
}

const models = JSON.stringify({
  object: "list",
  data: [{ id: "paced", object: "model", owned_by: "bench" }],
});

function chunkAt(index: number): string {
  const chunk = {
    id: "chatcmpl-0123456789abcdef01234567",
    object: "chat.completion.chunk",
    created: 1_700_000_000,
    model: "paced",
    choices: [{ index: 0, delta: { content: ` word${index}` }, finish_reason: null }],
    sentNs: process.hrtime.bigint().toString(),
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function stream(response: ServerResponse, { chunkCount = 1, intervalMs = 50 }: StreamRequest): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  let sent = 0;
  const send = (): void => {
    response.write(chunkAt(sent));
    sent += 1;
    if (sent < chunkCount) return;
    clearInterval(timer);
    response.end("data: [DONE]\n\n");
  };
  const timer = setInterval(send, intervalMs);
  response.on("close", () => clearInterval(timer));
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asked = JSON.parse(await text(request)) as StreamRequest;
  if (asked.stream === true) return stream(response, asked);
  response.writeHead(200, { "content-type": "application/json" }).end('{"choices":[]}');
}

const server = createServer((request, response) => {
  if (request.method !== "GET") return void answer(request, response);
  response.writeHead(200, { "content-type": "application/json" }).end(models);
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address !== "string") process.stdout.write(`${address.port}\n`);
});
