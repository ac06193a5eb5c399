import * as fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createGate, modelId } from "../fake-engine.ts";
import { sessionConfig, startServer, type TestServer } from "../start-server.ts";
import { BackendError } from "../../../src/errors.ts";
import { lastTypes, openSession, type SessionEvent, type TestSession } from "./open-session.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ session: { ...sessionConfig, graceMs: 20_000 } });
});
afterEach(() => {
  server.engine.tokenGate = undefined;
  server.engine.failAfter = undefined;
});
afterAll(async () => server.close());

const body = { model: modelId, input: "Tell me of a fox.", seed: 7 };

/** Events without what differs between two runs. */
function withoutIds(events: readonly SessionEvent[]): unknown {
  const text = JSON.stringify(events);
  return JSON.parse(
    text
      .replaceAll(/"(resp|msg|rs|fc)_[0-9a-f]+"/g, '"$1"')
      .replaceAll(/"created_at":\d+/g, '"created_at":0'),
  );
}

async function eventsOverHttp(fields: object): Promise<SessionEvent[]> {
  const response = await server.post("/v1/responses", { ...body, ...fields, stream: true });
  const text = await response.text();
  return text
    .trimEnd()
    .split("\n\n")
    .map((event) => JSON.parse(event.slice(event.indexOf("data: ") + 6)) as SessionEvent);
}

function idOf(event: SessionEvent): number {
  return event["sequence_number"] as number;
}

/** Starts a response and resolves with its id when it has sent this many events. */
async function startResponse(
  session: TestSession,
  { eventCount = 1, ...fields }: { readonly eventCount?: number; readonly [field: string]: unknown } = {},
): Promise<{ readonly id: string; readonly events: readonly SessionEvent[] }> {
  session.send({ type: "response.create", ...body, ...fields });
  const events: SessionEvent[] = [];
  while (events.length < eventCount) events.push(await session.next());
  const created = events[0]?.["response"] as { readonly id: string } | undefined;
  return { id: created?.id ?? "", events };
}

describe("a response", () => {
  test.each([{}, { max_output_tokens: 3 }, { instructions: "Be brief.", temperature: 0 }])(
    "has the events of the same request over HTTP: %j",
    async (fields) => {
      using session = await openSession(server.url);
      session.send({ type: "response.create", ...body, ...fields });
      const events = await session.until(...lastTypes);
      expect(withoutIds(events)).toEqual(withoutIds(await eventsOverHttp(fields)));
      expect(events.map(idOf)).toEqual(events.map((_, index) => index));
    },
  );

  test("that fails in the middle has the events of one over HTTP", async () => {
    server.engine.failAfter = {
      deltaCount: 2,
      error: new BackendError("ENGINE_CRASHED", "the engine process ended"),
    };
    using session = await openSession(server.url);
    session.send({ type: "response.create", ...body });
    const events = await session.until("error");
    expect(withoutIds(events)).toEqual(withoutIds(await eventsOverHttp({})));
    expect(events.at(-1)).toMatchObject({ type: "error", code: "engine_crashed", param: null });
  });

  test("that is refused is an error of the session, with the status of HTTP", async () => {
    using session = await openSession(server.url);
    session.send({ type: "response.create", ...body, model: "other", stream_id: "a" });
    expect(await session.next()).toMatchObject({
      type: "error",
      status: 404,
      stream_id: "a",
      error: { code: "model_not_found", param: "model" },
    });
    session.send({ type: "response.create", ...body, temperature: 9 });
    expect(await session.next()).toMatchObject({ status: 400, error: { param: "temperature" } });
  });
});

describe("a client that comes back", () => {
  test("gets what it has not got, wherever its connections were cut", async () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.integer({ min: 0, max: 1000 }), async (eventCounts, seed) => {
        const got: SessionEvent[] = [];
        const isOver = (): boolean => (lastTypes as readonly string[]).includes(got.at(-1)?.type ?? "");
        let id: string | undefined;
        for (const count of [...eventCounts, Number.POSITIVE_INFINITY]) {
          using session = await openSession(server.url);
          const last = got.at(-1);
          if (id === undefined) {
            ({ id } = await startResponse(session, { seed }));
            got.push(...session.events.slice(0, 1));
          } else {
            const after = last === undefined ? {} : { starting_after: idOf(last) };
            if (isOver()) break;
            session.send({ type: "response.resume", response_id: id, ...after });
          }
          for (let taken = 0; taken < count && !isOver(); taken += 1) got.push(await session.next());
        }
        expect(withoutIds(got)).toEqual(withoutIds(await eventsOverHttp({ seed })));
        using session = await openSession(server.url);
        session.send({ type: "response.resume", response_id: id });
        expect(await session.until(...lastTypes)).toEqual(got);
      }),
      { seed: 20, numRuns: 10 },
    );
  });

  test("reads beside another one, each from where it wants", async () => {
    const gate = createGate();
    server.engine.tokenGate = async (step) => (step < 2 ? undefined : gate.opened);
    using first = await openSession(server.url);
    const { id, events } = await startResponse(first, { eventCount: 6 });
    using second = await openSession(server.url);
    using third = await openSession(server.url);
    second.send({ type: "response.resume", response_id: id });
    third.send({ type: "response.resume", response_id: id, starting_after: 3, stream_id: "x" });
    expect((await second.next()).type).toBe("response.created");
    gate.open();
    const rest = await first.until(...lastTypes);
    await second.until(...lastTypes);
    expect(second.events).toEqual([...events, ...rest]);
    await third.until(...lastTypes);
    const expected = first.events.slice(4).map((event) => Object.assign({}, event, { stream_id: "x" }));
    expect(third.events).toEqual(expected);
  });

  test("is told what is not there", async () => {
    using session = await openSession(server.url);
    session.send({ type: "response.resume", response_id: "resp_0" });
    expect(await session.next()).toMatchObject({ status: 404, error: { code: "response_not_found" } });
    const { id } = await startResponse(session);
    const events = await session.until(...lastTypes);
    session.send({ type: "response.resume", response_id: id, starting_after: events.length + 1 });
    expect(await session.next()).toMatchObject({
      status: 400,
      error: { code: "invalid_value", param: "starting_after" },
    });
  });
});

describe("a response ends", () => {
  test("when its client cancels it, over any connection, with what there is", async () => {
    server.engine.tokenGate = async (step) => (step < 2 ? undefined : new Promise(() => undefined));
    const running = server.engine.nextRun();
    using session = await openSession(server.url);
    const { id } = await startResponse(session, { eventCount: 6 });
    const run = await running;
    using other = await openSession(server.url);
    other.send({ type: "response.cancel", response_id: id });
    const events = await session.until(...lastTypes);
    expect(await run.stopped).toMatchObject({ code: "RESPONSE_CANCELLED" });
    expect(events.map(({ type }) => type)).toEqual([
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.incomplete",
    ]);
    expect(events.at(-1)).toMatchObject({
      response: { id, status: "cancelled", error: null, output: [{ status: "incomplete" }] },
    });
    // One that has ended stays as it is.
    other.send({ type: "response.cancel", response_id: id });
    other.send({
      type: "response.resume",
      response_id: id,
      starting_after: idOf(events.at(-2) as SessionEvent),
    });
    expect(await other.next()).toEqual(events.at(-1));
  });

  test("when nobody has read it for the grace time", async () => {
    await using own = await startServer({ session: { ...sessionConfig, graceMs: 20 } });
    own.engine.tokenGate = async (step) => (step < 2 ? undefined : new Promise(() => undefined));
    const running = own.engine.nextRun();
    const session = await openSession(own.url);
    const { id } = await startResponse(session, { eventCount: 6 });
    session.webSocket.terminate();
    expect(await (await running).stopped).toMatchObject({
      code: "RESPONSE_CANCELLED",
      message: "the response was cancelled: nobody read it for 20 ms",
    });
    using back = await openSession(own.url);
    back.send({ type: "response.resume", response_id: id, starting_after: 5 });
    const events = await back.until(...lastTypes);
    expect(events.at(-1)).toMatchObject({ response: { status: "cancelled" } });
  });

  test("at once when its client leaves before it has begun", async () => {
    server.engine.admissionGate = createGate();
    const running = server.engine.nextRun();
    const session = await openSession(server.url);
    session.send({ type: "response.create", ...body });
    const run = await running;
    session.webSocket.terminate();
    await expect(run.stopped).resolves.toMatchObject({ code: "bad_request" });
    server.engine.admissionGate = undefined;
  });
});

describe("lanes", () => {
  test("run beside each other, and in each one response follows the other", async () => {
    const gate = createGate();
    server.engine.tokenGate = async () => gate.opened;
    using session = await openSession(server.url);
    for (const lane of ["a", "a", "b"]) {
      session.send({ type: "response.create", ...body, stream_id: lane, metadata: { lane } });
    }
    const first = [await session.next(), await session.next(), await session.next(), await session.next()];
    expect(first.filter((event) => event["stream_id"] === "a")).toHaveLength(2);
    gate.open();
    for (let left = 3; left > 0; left -= 1) await session.until(...lastTypes);
    const types = session.events.filter((event) => event["stream_id"] === "a").map(({ type }) => type);
    const end = types.findIndex((type) => (lastTypes as readonly string[]).includes(type));
    expect(types.indexOf("response.created", 1)).toBe(end + 1);
    expect(types.filter((type) => type === "response.created")).toHaveLength(2);
  });

  test("are refused beyond 16 responses of a session", async () => {
    server.engine.tokenGate = async () => new Promise(() => undefined);
    using session = await openSession(server.url);
    for (let index = 0; index <= 16; index += 1) session.send({ type: "response.create", ...body });
    expect((await session.until("error")).at(-1)).toMatchObject({
      status: 429,
      error: { code: "websocket_stream_limit_reached", type: "rate_limit_error" },
    });
    const closed = session.closed;
    session.webSocket.close();
    expect((await closed).code).toBe(1005);
  });
});

test("events beyond the memory of a response are dropped, and who asks for them is told", async () => {
  await using own = await startServer({ session: { ...sessionConfig, responseBytes: 4000 } });
  using session = await openSession(own.url);
  const { id } = await startResponse(session);
  await session.until(...lastTypes);
  using back = await openSession(own.url);
  back.send({ type: "response.resume", response_id: id });
  expect(await back.next()).toMatchObject({
    status: 410,
    error: { code: "events_not_held", param: "starting_after" },
  });
  const last = session.events.at(-1) as SessionEvent;
  back.send({ type: "response.resume", response_id: id, starting_after: idOf(last) - 1 });
  expect(await back.next()).toEqual(last);
});
