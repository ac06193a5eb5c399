import { once } from "node:events";
import { ResponsesWS } from "openai/resources/responses/ws";
import type { ResponsesServerEvent } from "openai/resources/responses/responses";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";
import { createClient } from "./support/stream-chat.ts";

const model = "infernode-stories";
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon({ args: ["--session-grace", "60000"] });
});
afterAll(async () => daemon[Symbol.asyncDispose]());

const request = { model, input: "Tell me of a fox.", max_output_tokens: 32, seed: 5 };
const isLast = ({ type }: { readonly type?: string }): boolean =>
  type === "response.completed" || type === "response.incomplete" || type === "response.failed";

/** The events of one response, as OpenAI's client gives them. */
async function readResponse(session: ResponsesWS): Promise<readonly ResponsesServerEvent[]> {
  const events: ResponsesServerEvent[] = [];
  for await (const event of session.stream()) {
    if (event.type === "error") throw event.error;
    if (event.type === "close") throw new Error(`expected a response, got the close code ${event.code}`);
    if (event.type !== "message") continue;
    events.push(event.message);
    if (isLast(event.message)) return events;
  }
  throw new Error("expected a response, got the end");
}

function textOf(events: readonly ResponsesServerEvent[]): string {
  return events.map((event) => (event.type === "response.output_text.delta" ? event.delta : "")).join("");
}

test("OpenAI's client of sessions gets the text that its client of HTTP gets, twice over one connection", async () => {
  const client = createClient(daemon.url);
  const whole = await client.responses.create(request);
  const session = new ResponsesWS(client);
  try {
    session.send({ type: "response.create", ...request });
    const events = await readResponse(session);
    expect(textOf(events)).toBe(whole.output_text);
    expect(events.at(-1)).toMatchObject({ response: { status: whole.status, usage: whole.usage } });
    // The client's types do not have it yet.
    session.sendRaw(JSON.stringify({ type: "response.create", ...request, stream_id: "second" }));
    const again = await readResponse(session);
    expect(textOf(again)).toBe(whole.output_text);
    expect(again.every((event) => "stream_id" in event && event.stream_id === "second")).toBe(true);
  } finally {
    session.close();
  }
});

test("OpenAI's client is told what was wrong, and goes on", async () => {
  const session = new ResponsesWS(createClient(daemon.url));
  try {
    const failed = new Promise<Error & { readonly error?: unknown }>((resolve) =>
      session.once("error", resolve),
    );
    session.send({ type: "response.create", ...request, model: "no-such-model" });
    expect((await failed).error).toMatchObject({
      status: 404,
      error: { code: "model_not_found", param: "model" },
    });
    session.send({ type: "response.create", ...request });
    expect(textOf(await readResponse(session))).not.toBe("");
  } finally {
    session.close();
  }
});

test("a crash of the engine in the middle of a response is its failure, also for who comes back", async () => {
  const open = async (message: object): Promise<{ socket: WebSocket; events: ResponsesServerEvent[] }> => {
    const socket = new WebSocket(`${daemon.url.replace("http", "ws")}/v1/responses`);
    const events: ResponsesServerEvent[] = [];
    socket.on("message", (data: Buffer) => events.push(JSON.parse(data.toString()) as ResponsesServerEvent));
    await once(socket, "open");
    socket.send(JSON.stringify(message));
    return { socket, events };
  };
  const { socket, events } = await open({
    type: "response.create",
    ...request,
    max_output_tokens: 400,
    seed: 3,
  });
  while (textOf(events) === "") await once(socket, "message");
  process.kill(daemon.enginePid(), "SIGKILL");
  while (!events.some(({ type }) => type === "error")) await once(socket, "message");
  socket.close();
  expect(events.at(-2)).toMatchObject({ type: "response.failed", response: { status: "failed" } });
  expect(events.at(-1)).toMatchObject({ type: "error", code: "engine_crashed" });

  const [first] = events;
  if (first?.type !== "response.created") throw new Error("expected response.created first");
  const resumed = await open({ type: "response.resume", response_id: first.response.id, starting_after: 3 });
  while (!resumed.events.some(({ type }) => type === "error")) await once(resumed.socket, "message");
  resumed.socket.close();
  expect(resumed.events).toEqual(events.slice(4));
});
