import { expect, test } from "vitest";
import { answers, startBackend, streamHead } from "./support/script-backend.ts";
import { chat, startGateway } from "./support/start-gateway.ts";

const path = "/v1/chat/completions";
/** Long enough for the beginning of an answer on a busy machine. */
const headers = { "x-request-timeout-ms": "2000" };

test("what is not answered in time ends with an error, a stream with an event of its format after the last whole one", async () => {
  const silent = await startBackend("a", () => undefined);
  const slow = await startBackend("b", (_request, response) => {
    response.writeHead(200, streamHead).write('data: {"n":1}\n\ndata: {"n"');
  });
  const [gateway, streaming] = [await startGateway([silent.known]), await startGateway([slow.known])];
  const [none, stream, message] = await Promise.all([
    gateway.ask(path, { body: chat, headers }),
    streaming.ask(path, { body: chat, headers }),
    streaming.ask("/v1/messages", { body: chat, headers }),
  ]);
  expect(none.status).toBe(504);
  expect(JSON.parse(none.text)).toMatchObject({
    error: { code: "deadline_exceeded", message: expect.stringContaining("2000 ms") },
  });
  const [seen] = silent.seen;
  expect(Number(seen?.headers["x-request-timeout-ms"])).toBeGreaterThan(0);
  expect(Number(seen?.headers["x-request-timeout-ms"])).toBeLessThanOrEqual(2000);
  await seen?.closed;
  expect(gateway.attempts).toEqual([{ backend: "a", outcome: "cancelled" }]);

  const [first, last, ...rest] = stream.text.split("\n\n");
  expect(first).toBe('data: {"n":1}');
  expect(JSON.parse(last?.slice("data: ".length) ?? "")).toMatchObject({
    error: { code: "deadline_exceeded" },
  });
  expect(rest).toEqual([""]);
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
