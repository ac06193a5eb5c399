import { expect, test } from "vitest";
import type { KnownBackend } from "../../../src/gateway/backends/backend-table.ts";
import { answers, completes, diesAfter, startBackend, type Script } from "./support/script-backend.ts";
import { chat, startGateway } from "./support/start-gateway.ts";

const path = "/v1/chat/completions";
const whole = ['data: {"n":1}\n\n', "data: [DONE]\n\n"];

const dies: Script = (_request, response) => void response.socket?.resetAndDestroy();

test.each<[string, Script]>([
  ["dies before it answers", dies],
  ["dies after the head of its answer", diesAfter()],
  ["says that it is busy", answers(429, { error: "busy" })],
  ["drains", answers(503, { error: "draining" })],
  [
    "cuts a short answer off",
    (_request, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
      response.write('{"id":', () => response.socket?.resetAndDestroy());
    },
  ],
])("a request goes to another backend where the first one %s", async (_, script) => {
  const [first, second] = [await startBackend("a", script), await startBackend("b", completes(...whole))];
  const gateway = await startGateway([first.known, second.known]);
  const answer = await gateway.ask(path, { body: chat });
  expect(answer).toMatchObject({ status: 200, text: whole.join(""), isWhole: true });
  expect(answer.headers["x-infernode-backend"]).toBe("b");
  expect(second.seen[0]?.body).toBe(JSON.stringify(chat));
  expect(gateway.attempts.map(({ backend, outcome }) => `${backend} ${outcome}`)).toEqual([
    expect.stringMatching(/^a (?:failed-before-first-byte|refused)$/),
    "b completed",
  ]);
});

test("comments are passed on, and another backend can still follow", async () => {
  const first = await startBackend("a", diesAfter(": ping\n\n"));
  const second = await startBackend("b", completes(...whole));
  const gateway = await startGateway([first.known, second.known]);
  const answer = await gateway.ask(path, { body: chat });
  expect(answer).toMatchObject({ text: `: ping\n\n${whole.join("")}`, isWhole: true });
});

test("a stream that broke off ends with an error of its format, without half of an event", async () => {
  const backend = await startBackend("a", diesAfter(whole[0] ?? "", 'data: {"n"'));
  const other = await startBackend("b", completes(...whole));
  const gateway = await startGateway([backend.known, other.known]);
  const openai = await gateway.ask(path, { body: chat });
  expect(openai.isWhole).toBe(true);
  const events = openai.text.split("\n\n");
  expect(events[0]).toBe('data: {"n":1}');
  expect(JSON.parse(events[1]?.slice("data: ".length) ?? "")).toMatchObject({
    error: { code: "backend_failed", type: "server_error" },
  });
  expect(events.slice(2)).toEqual([""]);
  expect(other.seen).toHaveLength(0);
  await gateway.ask(path, { body: chat });
  const anthropic = await gateway.ask("/v1/messages", { body: chat });
  expect(anthropic.text).toMatch(/\n\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error",/);
});

test("an answer in the middle of which the backend dies is cut off where it is no stream", async () => {
  const backend = await startBackend("a", (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write('{"id":', () => response.socket?.resetAndDestroy());
  });
  const gateway = await startGateway([backend.known]);
  expect(await gateway.ask(path, { body: chat })).toMatchObject({ status: 200, isWhole: false });
});

test("where all refuse, the client gets the answer that asks for the shortest wait", async () => {
  const long = await startBackend("a", answers(429, { error: "long" }, { "retry-after": "9" }));
  const short = await startBackend("b", answers(503, { error: "short" }, { "retry-after-ms": "1500" }));
  const dead = await startBackend("c", dies);
  const gateway = await startGateway([long.known, short.known, dead.known]);
  const answer = await gateway.ask(path, { body: chat });
  expect(answer).toMatchObject({ status: 503, text: '{"error":"short"}' });
  expect(answer.headers["retry-after-ms"]).toBe("1500");
});

test("where all die, the error says so, and the log which", async () => {
  const backends = [await startBackend("a", dies), await startBackend("b", dies)];
  const gateway = await startGateway(backends.map(({ known }) => known));
  const answer = await gateway.ask(path, { body: chat });
  expect(answer.status).toBe(502);
  expect(JSON.parse(answer.text)).toMatchObject({ error: { code: "backend_failed" } });
  expect(gateway.logLines.filter(({ msg }) => String(msg).includes("failed before"))).toMatchObject([
    { backend: "a" },
    { backend: "b" },
  ]);
});

test("where one that was tried is away now, another one is tried still", async () => {
  const list: KnownBackend[] = [];
  const a = await startBackend("a", (request, response) => {
    list[0] = { ...a.known, isHealthy: false };
    dies(request, response);
  });
  list.push(
    a.known,
    (await startBackend("b", dies)).known,
    (await startBackend("c", completes(...whole))).known,
  );
  const gateway = await startGateway(list);
  expect(await gateway.ask(path, { body: chat })).toMatchObject({ status: 200 });
  expect(gateway.attempts.map(({ backend }) => backend)).toEqual(["a", "b", "c"]);
});

test("other errors are the backend's answer", async () => {
  const backends = [
    await startBackend("a", answers(500, { error: { code: "engine_crashed" } })),
    await startBackend("b", completes(...whole)),
  ];
  const gateway = await startGateway(backends.map(({ known }) => known));
  expect(await gateway.ask(path, { body: chat })).toMatchObject({ status: 500 });
  expect(gateway.attempts).toEqual([{ backend: "a", outcome: "completed" }]);
});

test("retries are a share of the requests, after a burst", async () => {
  const busy = await startBackend("a", answers(429, { error: "busy" }));
  const other = await startBackend("b", answers(429, { error: "busy" }));
  const gateway = await startGateway([busy.known, other.known], { retryShare: 0.25, retryBurst: 2 });
  for (let count = 0; count < 10; count += 1) await gateway.ask(path, { body: chat });
  // Two at once, and one for each four requests after that.
  expect(gateway.attempts).toHaveLength(10 + 2 + 2);
});

test("a request tries no more backends than it may", async () => {
  const backends = await Promise.all(["a", "b", "c", "d"].map((id) => startBackend(id, dies)));
  const gateway = await startGateway(
    backends.map(({ known }) => known),
    { maxAttempts: 2 },
  );
  await gateway.ask(path, { body: chat });
  expect(gateway.attempts).toHaveLength(2);
});

test("a connection that the backend closed while it was idle costs no attempt", async () => {
  const backend = await startBackend("a", completes(...whole));
  const gateway = await startGateway([backend.known]);
  await gateway.ask(path, { body: chat });
  // Closed only when the next request arrives over it.
  let isStale = true;
  backend.become((request, response) => {
    if (isStale) response.socket?.resetAndDestroy();
    else completes(...whole)(request, response);
    isStale = false;
  });
  expect(await gateway.ask(path, { body: chat })).toMatchObject({ status: 200 });
  expect(gateway.attempts).toHaveLength(2);
});
