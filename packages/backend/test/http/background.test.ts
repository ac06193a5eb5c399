import { APIError } from "openai";
import type OpenAI from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createGate, modelId } from "./fake-engine.ts";
import { openSession } from "./session/open-session.ts";
import { sessionConfig, startServer, type TestServer } from "./start-server.ts";

type StreamEvent = OpenAI.Responses.ResponseStreamEvent;

let server: TestServer;
let responses: OpenAI["responses"];
beforeAll(async () => {
  server = await startServer({ session: { ...sessionConfig, graceMs: 1 } });
  ({ responses } = server.client);
});
afterEach(() => {
  server.engine.tokenGate = undefined;
  server.engine.failAfter = undefined;
});
afterAll(async () => server.close());

const body = { model: modelId, input: "Tell me of a fox.", background: true } as const;

async function failureOf(call: PromiseLike<unknown>): Promise<APIError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof APIError) return error;
    throw error;
  }
  throw new Error("expected an error, got none");
}

async function readAll(stream: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

/** The response when it has ended. */
async function poll(id: string): Promise<OpenAI.Responses.Response> {
  const stream = await responses.retrieve(id, { stream: true });
  await readAll(stream);
  return responses.retrieve(id);
}

describe("a response in the background", () => {
  test("is answered when it is queued, and retrieved when it has ended", async () => {
    const gate = createGate();
    server.engine.tokenGate = async () => gate.opened;
    const queued = await responses.create(body);
    expect(queued).toMatchObject({ status: "in_progress", background: true, output: [], usage: null });
    expect(await responses.retrieve(queued.id)).toMatchObject({ id: queued.id, status: "in_progress" });
    gate.open();
    const ended = await poll(queued.id);
    const { output_text: text } = await responses.create({ ...body, background: false });
    expect(ended).toMatchObject({ id: queued.id, status: "completed", background: true, output_text: text });
    expect(server.logLines.find((line) => line["responseId"] === queued.id)).toMatchObject({
      msg: "response",
      model: modelId,
      finishReasons: ["stop"],
    });
  });

  test("goes on when its client leaves the stream, who comes back for the rest", async () => {
    const gate = createGate();
    server.engine.tokenGate = async (step) => (step < 2 ? undefined : gate.opened);
    const first: StreamEvent[] = [];
    for await (const event of await responses.create({ ...body, stream: true })) {
      first.push(event);
      if (event.sequence_number === 5) break;
    }
    const [created] = first;
    if (created?.type !== "response.created") throw new Error("expected response.created first");
    const { id } = created.response;
    gate.open();
    const rest = await readAll(await responses.retrieve(id, { stream: true, starting_after: 5 }));
    expect(await readAll(await responses.retrieve(id, { stream: true }))).toEqual([...first, ...rest]);
    expect(rest.at(-1)).toMatchObject({ type: "response.completed", response: { status: "completed" } });
    using session = await openSession(server.url);
    session.send({ type: "response.resume", response_id: id, starting_after: 5 });
    expect(await session.until("response.completed")).toEqual(rest);
  });

  test("stops when it is cancelled, once or twice", async () => {
    server.engine.tokenGate = async (step) => (step < 2 ? undefined : new Promise(() => undefined));
    const running = server.engine.nextRun();
    const { id } = await responses.create(body);
    const run = await running;
    const cancelled = await responses.cancel(id);
    expect(cancelled).toMatchObject({ id, status: "cancelled" });
    expect(await run.stopped).toMatchObject({ code: "RESPONSE_CANCELLED" });
    expect(await responses.cancel(id)).toEqual(cancelled);
    expect(await responses.retrieve(id)).toMatchObject(cancelled);
  });

  test("that fails says so when it is retrieved", async () => {
    server.engine.failAfter = { deltaCount: 2, error: new Error("broken") };
    const { id } = await responses.create(body);
    await readAll(await responses.retrieve(id, { stream: true })).catch(() => undefined);
    expect(await responses.retrieve(id)).toMatchObject({
      status: "failed",
      error: { code: "server_error" },
    });
  });

  test("that cannot begin is refused, as any other", async () => {
    const failure = await failureOf(responses.create({ ...body, max_output_tokens: 100_000 }));
    expect(failure).toMatchObject({ status: 400, code: "context_length_exceeded" });
  });

  test("is deleted when it has ended, not before", async () => {
    const gate = createGate();
    server.engine.tokenGate = async () => gate.opened;
    const { id } = await responses.create(body);
    expect(await failureOf(responses.delete(id))).toMatchObject({ status: 400, param: "response_id" });
    gate.open();
    await poll(id);
    await responses.delete(id);
    expect(await failureOf(responses.retrieve(id))).toMatchObject({ status: 404 });
  });
});

test.each([
  ["?stream=maybe", 400, "stream"],
  ["?starting_after=1", 400, "starting_after"],
  ["?stream=true&starting_after=-1", 400, "starting_after"],
  ["?stream=true&starting_after=900", 400, "starting_after"],
  ["?stream=true&include_obfuscation=true", 400, "include_obfuscation"],
])("a query %s is refused by name", async (query, status, param) => {
  const { id } = await responses.create(body);
  const response = await fetch(`${server.url}/v1/responses/${id}${query}`);
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ error: { param } });
});
