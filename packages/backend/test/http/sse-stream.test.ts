import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSseStream } from "../../src/http/sse-stream.ts";
import { modelId } from "./fake-engine.ts";
import { openConnection, postRequest } from "./raw-connection.ts";
import { readChunks, readSse } from "./read-sse.ts";
import { startServer, type TestServer } from "./start-server.ts";

const request = postRequest("/v1/completions", {
  model: modelId,
  prompt: "hi",
  max_tokens: 12,
  stream: true,
});
let server: TestServer;

beforeEach(async () => {
  server = await startServer();
});
afterEach(async () => server.close());

function bodyOf(response: string): { readonly head: string; readonly body: Buffer } {
  const end = response.indexOf("\r\n\r\n") + 4;
  return { head: response.slice(0, end).toLowerCase(), body: Buffer.from(response.slice(end)) };
}

/** The chunks of a body, whose sizes are in bytes. */
function splitChunks(body: Buffer): string[] {
  const chunks: string[] = [];
  let at = 0;
  for (;;) {
    const start = body.indexOf("\r\n", at) + 2;
    const size = Number.parseInt(body.toString("latin1", at, start), 16);
    if (size === 0) return chunks;
    chunks.push(body.toString("utf8", start, start + size));
    expect(body.toString("latin1", start + size, start + size + 2)).toBe("\r\n");
    at = start + size + 2;
  }
}

test("each event is one chunk of HTTP/1.1, of text in any script, and the connection is kept", async () => {
  const { socket, waitFor } = await openConnection(server.port);
  socket.write(request);
  const { head, body } = bodyOf(await waitFor("0\r\n\r\n"));
  expect(head.match(/transfer-encoding: chunked/g)).toHaveLength(1);
  const events = splitChunks(body);
  const chunks = readChunks(events.join(""));
  expect(chunks.map(({ choices }) => choices[0]?.text).join("")).toMatch(/[^\p{ASCII}]/u);
  expect(events).toHaveLength(chunks.length + 1);
  socket.write("GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await waitFor('{"version"');
  socket.destroy();
});

test("a client of HTTP/1.0 gets the events without chunks, up to the end of the connection", async () => {
  const { socket, closed } = await openConnection(server.port);
  socket.write(request.replace("HTTP/1.1", "HTTP/1.0"));
  const { head, body } = bodyOf(await closed());
  expect(head).not.toContain("transfer-encoding");
  expect(body.toString("latin1", 0, 6)).toBe("data: ");
  expect(readChunks(body.toString()).length).toBeGreaterThan(1);
});

test("a list without events does not end the body", async () => {
  const plain = createServer((_, response) => {
    const { signal } = new AbortController();
    const stream = openSseStream(response, {
      headers: {},
      pingIntervalMs: 60_000,
      writeTimeoutMs: 1000,
      signal,
    });
    for (const events of [["a"], [], ["b", "c"]]) void stream.write(events);
    stream.end("d");
  });
  await once(plain.listen(0, "127.0.0.1"), "listening");
  const response = await fetch(`http://127.0.0.1:${(plain.address() as AddressInfo).port}`);
  expect(readSse(await response.text())).toEqual(["a", "b", "c", "d"]);
  plain.close();
  plain.closeAllConnections();
});
