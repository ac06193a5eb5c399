import { expect, test } from "vitest";
import { createMemoryStore } from "../../src/store/create-memory-store.ts";
import { storeFailed } from "../../src/store/store-errors.ts";
import { createGate, modelId } from "./fake-engine.ts";
import { startServer } from "./start-server.ts";

const question = { model: modelId, input: "Where is the fox?", max_output_tokens: 4 };

interface Failure {
  readonly error: { readonly message: string };
}

test("a conversation is locked while a response works on it, and gets nothing of one that is left", async () => {
  await using server = await startServer();
  const { client, engine } = server;
  const { id } = await client.conversations.create({ items: [{ role: "user", content: "Hello." }] });
  const gate = createGate();
  engine.tokenGate = async () => gate.opened;
  const run = engine.nextRun();
  const stream = await client.responses.create({ ...question, conversation: id, stream: true });
  const locked = { status: 400, code: "conversation_locked", param: "conversation" };
  await expect(client.responses.create({ ...question, conversation: id })).rejects.toMatchObject(locked);
  await expect(client.conversations.delete(id)).rejects.toMatchObject(locked);
  const items = [{ role: "user" as const, content: "More." }];
  await expect(client.conversations.items.create(id, { items })).rejects.toMatchObject(locked);
  const over = server.nextSample();
  stream.controller.abort();
  const { stopped } = await run;
  // It stops before it says anything.
  await stopped;
  gate.open();
  await over;
  expect((await client.conversations.items.list(id)).data).toHaveLength(1);
  engine.tokenGate = undefined;
  const whole = await client.responses.create({ ...question, conversation: id });
  expect(whole.status).toBe("incomplete");
  expect((await client.conversations.items.list(id)).data).toHaveLength(3);
});

test("what was evicted is said to be", async () => {
  const store = createMemoryStore({ maxBytes: 20_000, retentionMs: 3_600_000 });
  await using server = await startServer({}, { store });
  const first = await server.client.responses.create(question);
  while (store.stats().evicted === 0) await server.client.responses.create(question);
  const message = expect.stringMatching(/evicted: the store keeps at most 20000 bytes.* 1 hours/);
  await expect(server.client.responses.retrieve(first.id)).rejects.toMatchObject({
    status: 404,
    code: "response_not_found",
    message,
  });
  const next = server.client.responses.create({ ...question, previous_response_id: first.id });
  await expect(next).rejects.toMatchObject({ status: 400, code: "previous_response_not_found", message });
  const never = server.client.responses.retrieve("resp_never");
  await expect(never).rejects.toMatchObject({ message: expect.stringContaining("never stored here") });
});

test("an answer that cannot be stored is sent, and says so", async () => {
  const memory = createMemoryStore({ maxBytes: 2 ** 20, retentionMs: 3_600_000 });
  const commit = async (): Promise<void> => {
    throw storeFailed("database or disk is full");
  };
  await using server = await startServer({}, { store: { ...memory, commit } });
  const failure = { code: "store_failed", message: expect.stringContaining("disk is full") };
  const whole = await server.client.responses.create(question);
  expect(whole).toMatchObject({ status: "incomplete", store: false, store_error: failure });
  expect(whole.output_text).not.toBe("");
  const stream = await server.client.responses.create({ ...question, stream: true });
  const events = [];
  for await (const event of stream) events.push(event);
  expect(events.at(-1)).toMatchObject({
    type: "response.incomplete",
    response: { store: false, store_error: failure },
  });
  await expect(server.client.conversations.create()).rejects.toMatchObject({
    status: 503,
    code: "store_unavailable",
  });
});

test("a server without a store answers, and refuses what needs one", async () => {
  await using server = await startServer({}, { store: undefined });
  const { client } = server;
  expect(await client.responses.create(question)).toMatchObject({ store: false });
  const disabled = { status: 400, code: "store_disabled" };
  await expect(client.responses.create({ ...question, store: true })).rejects.toMatchObject({
    ...disabled,
    param: "store",
  });
  await expect(
    client.responses.create({ ...question, previous_response_id: "resp_1" }),
  ).rejects.toMatchObject({ ...disabled, param: "previous_response_id" });
  await expect(client.conversations.create()).rejects.toMatchObject(disabled);
  await expect(client.responses.retrieve("resp_1")).rejects.toMatchObject(disabled);
});

test("queries are checked by name", async () => {
  await using server = await startServer();
  const { id } = await server.client.conversations.create();
  const refused = [
    ["limit=0", "limit"],
    ["limit=x", "limit"],
    ["order=up", "order"],
    ["before=a", "before"],
    ["include[]=message.output_text.logprobs", "include"],
  ] as const;
  for (const [query, param] of refused) {
    const response = await fetch(`${server.url}/v1/conversations/${id}/items?${query}`);
    expect([query, response.status]).toEqual([query, 400]);
    expect(((await response.json()) as Failure).error.message).toContain(param);
  }
});
