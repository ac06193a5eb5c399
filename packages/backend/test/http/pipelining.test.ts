import { afterEach, beforeEach, expect, test } from "vitest";
import { createGate, modelId } from "./fake-engine.ts";
import { openConnection, postRequest } from "./raw-connection.ts";
import { startServer, type TestServer } from "./start-server.ts";

const chat = "/v1/chat/completions";
const body = { model: modelId, messages: [{ role: "user", content: "hi" }], max_tokens: 2 };
let server: TestServer;

beforeEach(async () => {
  server = await startServer();
});
afterEach(async () => server.close());

test("requests that are sent without waiting are answered in their order", async () => {
  const { socket, waitFor } = await openConnection(server.port);
  const requests = [
    postRequest(chat, { ...body, stream: true }, "x-request-id: first\r\n"),
    postRequest("/v1/completions", { model: modelId }, "x-request-id: second\r\n"),
    postRequest(chat, body, "x-request-id: third\r\n"),
    "GET /v1/nothing HTTP/1.1\r\nhost: localhost\r\nx-request-id: fourth\r\n\r\n",
    "GET /version HTTP/1.1\r\nhost: localhost\r\nx-request-id: fifth\r\n\r\n",
  ];
  socket.write(requests.join(""));
  const text = await waitFor('{"version"');
  const ids = [...text.matchAll(/x-request-id: (\w+)/g)].map(([, id]) => id);
  expect(ids).toEqual(["first", "second", "third", "fourth", "fifth"]);
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  expect(statuses).toEqual(["200", "400", "200", "404", "200"]);
  expect(text.indexOf("[DONE]")).toBeLessThan(text.indexOf("x-request-id: second"));
  socket.destroy();
});

test("all requests of a connection that closes stop, and nothing holds the server up", async () => {
  const gate = createGate();
  server.engine.tokenGate = async () => gate.opened;
  const { socket, waitFor } = await openConnection(server.port);
  const count = 12;
  socket.write(postRequest(chat, { ...body, stream: true }).repeat(count));
  await waitFor("text/event-stream");
  while (server.engine.runs.length < count) await server.engine.nextRun();
  socket.destroy();
  const reasons = await Promise.all(server.engine.runs.map(async ({ stopped }) => stopped));
  expect(reasons).toEqual(
    Array.from({ length: count }, () => expect.objectContaining({ code: "CLIENT_GONE" })),
  );
  while (server.samples.length < count) await server.nextSample();
  expect(server.samples.map(({ status }) => status)).toEqual(Array.from({ length: count }, () => 499));
  await server.close();
});
