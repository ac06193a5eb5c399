import { afterAll, beforeAll, expect, test } from "vitest";
import { modelId } from "../fake-engine.ts";
import { startServer, type TestServer } from "../start-server.ts";
import { lastTypes, openSession, type SessionEvent } from "./open-session.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
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

test.each([{}, { max_output_tokens: 3 }, { instructions: "Be brief.", temperature: 0 }])(
  "the events are those of the same request over HTTP: %j",
  async (fields) => {
    using session = await openSession(server.url);
    session.send({ type: "response.create", ...body, ...fields });
    const events = await session.until(...lastTypes);
    expect(withoutIds(events)).toEqual(withoutIds(await eventsOverHttp(fields)));
    expect(events.map(({ sequence_number: id }) => id)).toEqual(events.map((_, index) => index));
  },
);
