import { expect, test } from "vitest";
import { answers, startBackend, streamHead } from "./support/script-backend.ts";
import { chat, startGateway } from "./support/start-gateway.ts";

const path = "/v1/chat/completions";
const headers = { "x-request-timeout-ms": "60" };
/** Long enough for the beginning of an answer. */
const long = { "x-request-timeout-ms": "400" };

test("a request whose time is over ends with an error, and so does the request to the backend, which knew the time", async () => {
  const backend = await startBackend("a", () => undefined);
  const gateway = await startGateway([backend.known]);
  const answer = await gateway.ask(path, { body: chat, headers });
  expect(answer.status).toBe(504);
  expect(JSON.parse(answer.text)).toMatchObject({
    error: { code: "deadline_exceeded", message: expect.stringContaining("60 ms") },
  });
  const [seen] = backend.seen;
  expect(Number(seen?.headers["x-request-timeout-ms"])).toBeGreaterThan(0);
  expect(Number(seen?.headers["x-request-timeout-ms"])).toBeLessThanOrEqual(60);
  await seen?.closed;
  expect(gateway.attempts).toEqual([{ backend: "a", outcome: "cancelled" }]);
});

test("a stream whose time is over ends with an event of its format, after the last whole one", async () => {
  const backend = await startBackend("a", (_request, response) => {
    response.writeHead(200, streamHead).write('data: {"n":1}\n\ndata: {"n"');
  });
  const gateway = await startGateway([backend.known]);
  const answer = await gateway.ask(path, { body: chat, headers: long });
  const [first, last, ...rest] = answer.text.split("\n\n");
  expect(first).toBe('data: {"n":1}');
  expect(JSON.parse(last?.slice("data: ".length) ?? "")).toMatchObject({
    error: { code: "deadline_exceeded" },
  });
  expect(rest).toEqual([""]);
  const message = await gateway.ask("/v1/messages", { body: chat, headers: long });
  expect(message.text).toMatch(/\n\nevent: error\ndata: \{"type":"error","error":\{"type":"timeout_error",/);
});

test("an answer in time is passed on", async () => {
  const backend = await startBackend("a", answers(200, { id: 1 }));
  const gateway = await startGateway([backend.known]);
  const slow = { "x-request-timeout-ms": "2147483647" };
  expect(await gateway.ask(path, { body: chat, headers: slow })).toMatchObject({ status: 200 });
});

test.each(["0", "-1", "1.5", "soon", "2147483648", ""])("the time %j is refused", async (value) => {
  const backend = await startBackend("a", answers(200, {}));
  const gateway = await startGateway([backend.known]);
  const answer = await gateway.ask(path, { body: chat, headers: { "x-request-timeout-ms": value } });
  expect(answer.status).toBe(400);
  expect(answer.text).toContain("x-request-timeout-ms: expected milliseconds from 1 to 2147483647");
  expect(backend.seen).toHaveLength(0);
});
