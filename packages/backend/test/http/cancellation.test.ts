import { afterEach, beforeEach, expect, test } from "vitest";
import { createGate, modelId } from "./fake-engine.ts";
import { openConnection, postRequest } from "./raw-connection.ts";
import { startServer, type TestServer } from "./start-server.ts";

const chat = "/v1/chat/completions";
const body = { model: modelId, messages: [{ role: "user" as const, content: "hi" }], ignore_eos: true };
const writeTimeoutMs = 1500;
let server: TestServer;

beforeEach(async () => {
  server = await startServer({ pingIntervalMs: 20, writeTimeoutMs });
});
afterEach(async () => server.close());

const forever = async (): Promise<void> => new Promise(() => undefined);

test.each([
  ["a stream", true],
  ["a whole answer", false],
])("a connection that closes while %s is decoded stops the engine", async (_name, stream) => {
  const running = server.engine.nextRun();
  const reached = createGate();
  server.engine.tokenGate = async (step) => {
    if (step < 3) return;
    reached.open();
    await forever();
  };
  const over = server.nextSample();
  const { socket } = await openConnection(server.port);
  socket.write(postRequest(chat, { ...body, stream }));
  const run = await running;
  await reached.opened;
  socket.destroy();
  expect(await run.stopped).toMatchObject({ code: "CLIENT_GONE" });
  expect(await over).toMatchObject({ status: 499, handler: chat });
  expect(server.logLines.at(-1)).toMatchObject({ status: 499, cutBy: "CLIENT_GONE", stream });
});

test.each([true, false])(
  "a connection that closes while the request waits stops it, stream: %s",
  async (stream) => {
    server.engine.admissionGate = createGate();
    const running = server.engine.nextRun();
    const over = server.nextSample();
    const { socket } = await openConnection(server.port);
    socket.write(postRequest(chat, { ...body, stream }));
    const run = await running;
    socket.destroy();
    expect(await run.stopped).toMatchObject({ code: "CLIENT_GONE" });
    expect((await over).status).toBe(499);
  },
);

test("all prompts of one request stop", async () => {
  server.engine.tokenGate = forever;
  const over = server.nextSample();
  const { socket, waitFor } = await openConnection(server.port);
  const { ignore_eos } = body;
  socket.write(
    postRequest("/v1/completions", { model: modelId, prompt: ["a", "b", "c"], ignore_eos, stream: true }),
  );
  await waitFor("text/event-stream");
  socket.destroy();
  const gone = expect.objectContaining({ code: "CLIENT_GONE" });
  expect(await Promise.all(server.engine.runs.map(async ({ stopped }) => stopped))).toEqual([
    gone,
    gone,
    gone,
  ]);
  expect((await over).status).toBe(499);
});

test("the openai client's abort and its break stop the engine", async () => {
  server.engine.tokenGate = async (step) => (step < 2 ? undefined : forever());
  const first = server.engine.nextRun();
  const stream = await server.client.chat.completions.create({ ...body, stream: true });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  expect(await (await first).stopped).toMatchObject({ code: "CLIENT_GONE" });

  const second = server.engine.nextRun();
  const controller = new AbortController();
  const call = server.client.chat.completions.create(body, { signal: controller.signal });
  const run = await second;
  controller.abort();
  await expect(call).rejects.toThrow("aborted");
  expect(await run.stopped).toMatchObject({ code: "CLIENT_GONE" });
});

test("a finished answer leaves the connection open for the next one", async () => {
  const { socket, waitFor } = await openConnection(server.port);
  socket.write(postRequest(chat, { ...body, max_tokens: 2, stream: true }));
  await waitFor("[DONE]\n\n\r\n0\r\n\r\n");
  socket.write(postRequest(chat, { ...body, max_tokens: 2 }));
  await waitFor('"chat.completion"');
  expect(await Promise.all(server.engine.runs.map(async ({ stopped }) => stopped))).toEqual([
    "finished",
    "finished",
  ]);
  socket.destroy();
});

test("sends headers at admission and pings while there is nothing to say", async () => {
  const first = createGate();
  server.engine.tokenGate = async (step) => (step === 0 ? first.opened : undefined);
  const { socket, waitFor, received } = await openConnection(server.port);
  socket.write(postRequest(chat, { ...body, max_tokens: 1, stream: true }));
  await waitFor("text/event-stream");
  await waitFor(": ping\n\n");
  expect(received()).not.toContain("data:");
  first.open();
  const text = await waitFor("[DONE]");
  expect(text.indexOf(": ping")).toBeLessThan(text.indexOf("data:"));
  socket.destroy();
});

test("sends no headers before admission", async () => {
  server.engine.admissionGate = createGate();
  const running = server.engine.nextRun();
  const { socket, waitFor, received } = await openConnection(server.port);
  socket.write(postRequest(chat, { ...body, max_tokens: 1, stream: true }));
  await running;
  expect(received()).toBe("");
  server.engine.admissionGate.open();
  await waitFor("[DONE]");
  socket.destroy();
});

test("a reader that takes nothing loses its stream, and the engine is not run ahead for it", async () => {
  server.engine.padding = "x".repeat(200_000);
  const over = server.nextSample();
  const running = server.engine.nextRun();
  const { socket } = await openConnection(server.port);
  socket.pause();
  socket.write(postRequest(chat, { ...body, stream: true }));
  const run = await running;
  expect(await run.stopped).not.toBe("finished");
  expect(await over).toMatchObject({ status: 499 });
  expect(server.logLines.at(-1)).toMatchObject({ cutBy: "SLOW_READER" });
  expect(run.deltaCount).toBeLessThan(250);
  socket.destroy();
});

test("a reader that takes nothing of a whole answer loses it", async () => {
  server.engine.padding = "x".repeat(200_000);
  const over = server.nextSample();
  const { socket } = await openConnection(server.port);
  socket.pause();
  socket.write(postRequest(chat, body));
  expect(await over).toMatchObject({ status: 499 });
  expect(server.logLines.at(-1)).toMatchObject({ cutBy: "SLOW_READER" });
  socket.destroy();
});

test("a reader that is slow but reads gets everything", async () => {
  server.engine.padding = "x".repeat(100_000);
  const { socket, received, waitFor } = await openConnection(server.port);
  socket.on("data", () => {
    socket.pause();
    // In all, longer than a reader may take that reads nothing.
    setTimeout(() => socket.resume(), 20);
  });
  socket.write(postRequest(chat, { ...body, max_tokens: 60, stream: true }));
  await waitFor("[DONE]");
  expect(received().match(/"content":"[^"]+x"/g)).toHaveLength(60);
  socket.destroy();
});

test("close waits for the answers that run", async () => {
  const gate = createGate();
  server.engine.tokenGate = async () => gate.opened;
  const { socket, waitFor, closed } = await openConnection(server.port);
  socket.write(postRequest(chat, { ...body, max_tokens: 1, stream: true }));
  await waitFor("text/event-stream");
  let isClosed = false;
  const close = async (): Promise<void> => {
    await server.close();
    isClosed = true;
  };
  const closing = close();
  await waitFor(": ping");
  expect(isClosed).toBe(false);
  gate.open();
  await closing;
  expect(await closed()).toContain("[DONE]");
});
