import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, stepCountIs, streamText, tool, type ModelMessage } from "ai";
import { APIError } from "openai";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lookParameters, makeLookingModel } from "./support/looking-model.ts";
import type { RecitingModel } from "./support/make-reciting-model.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";
import { createClient } from "./support/stream-chat.ts";

const model = "reciting";
let reciting: RecitingModel;
let daemon: TestDaemon;
let client: OpenAI;
beforeAll(async () => {
  reciting = await makeLookingModel({ isPlainWithSystem: true });
  daemon = await startDaemon({ args: ["--model", `${model}=${reciting.directory}`, "--quantize", "none"] });
  client = createClient(daemon.url);
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await reciting[Symbol.asyncDispose]();
});

const question = "Where is the fox?";

type Fields = Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming>;

async function create(fields: Fields): Promise<OpenAI.Responses.Response> {
  return client.responses.create({ model, temperature: 0, ...fields });
}

/** The output of an answer as input, which the types of some items do not allow. */
function toInput({ output }: OpenAI.Responses.Response): OpenAI.Responses.ResponseInput {
  return output as OpenAI.Responses.ResponseInput;
}

/** The tokens of a prompt, where nothing is stored. */
async function countOf(input: OpenAI.Responses.ResponseInput, instructions?: string): Promise<number> {
  const { usage } = await create({
    input,
    store: false,
    ...(instructions === undefined ? {} : { instructions }),
  });
  return usage?.input_tokens ?? 0;
}

async function failureOf(call: Promise<unknown>): Promise<APIError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof APIError)) {
    throw new Error(`expected an error of the API, got ${String(error)}`);
  }
  return error;
}

describe("responses", () => {
  test("are stored unless they are told not to, and say so", async () => {
    const stored = await create({ input: question, metadata: { topic: "foxes" } });
    expect(stored).toMatchObject({ store: true, metadata: { topic: "foxes" }, conversation: null });
    expect(await client.responses.retrieve(stored.id)).toEqual(stored);
    const include = ["reasoning.encrypted_content" as const];
    expect(await client.responses.retrieve(stored.id, { include })).toEqual(stored);
    const passing = await create({ input: question, store: false });
    expect(passing).toMatchObject({ store: false });
    const failure = await failureOf(client.responses.retrieve(passing.id));
    expect(failure).toMatchObject({ status: 404, code: "response_not_found" });
  });

  test("continue a previous one with all that came before, and without its instructions", async () => {
    const first = await create({ input: question, instructions: "Be brief." });
    expect(first.output_text).toBe("Here.");
    const second = await create({ input: "Why?", previous_response_id: first.id });
    expect(second).toMatchObject({ previous_response_id: first.id, instructions: null });
    expect(second.output_text).toBe("In a den.");
    const third = await create({ input: "And now?", previous_response_id: second.id });
    const whole: OpenAI.Responses.ResponseInput = [
      { role: "user", content: question },
      ...toInput(first),
      { role: "user", content: "Why?" },
      ...toInput(second),
      { role: "user", content: "And now?" },
    ];
    expect(third.usage?.input_tokens).toBe(await countOf(whole));
    const counted = await client.responses.inputTokens.count({
      model,
      input: "And now?",
      previous_response_id: second.id,
    });
    expect(counted).toEqual({ object: "response.input_tokens", input_tokens: third.usage?.input_tokens });
  });

  test("list their input in pages", async () => {
    const input: OpenAI.Responses.ResponseInput = [
      { role: "developer", content: "Look first." },
      { role: "user", content: [{ type: "input_text", text: question }] },
      { type: "reasoning", id: "rs_own", summary: [{ type: "summary_text", text: "A den?" }] },
      { type: "function_call", call_id: "c1", name: "look", arguments: '{"place":"den"}' },
      { type: "function_call_output", call_id: "c1", output: "fur" },
      { role: "assistant", content: "It is there." },
      { role: "user", content: "Sure?" },
    ];
    const { id } = await create({ input });
    const listed: OpenAI.Responses.ResponseItem[] = [];
    for await (const item of client.responses.inputItems.list(id, { order: "asc", limit: 2 })) {
      listed.push(item);
    }
    const text = (type: string, value: string): object => ({ type, text: value });
    expect(listed).toMatchObject([
      { type: "message", role: "developer", content: [text("input_text", "Look first.")] },
      { type: "message", role: "user", content: [text("input_text", question)] },
      { type: "reasoning", id: "rs_own", summary: [text("summary_text", "A den?")] },
      { type: "function_call", call_id: "c1", name: "look", arguments: '{"place":"den"}' },
      { type: "function_call_output", call_id: "c1", output: "fur" },
      {
        type: "message",
        role: "assistant",
        content: [{ ...text("output_text", "It is there."), annotations: [] }],
      },
      { type: "message", role: "user", content: [text("input_text", "Sure?")] },
    ]);
    expect(listed.every((item) => "id" in item && typeof item.id === "string")).toBe(true);
    const last = await client.responses.inputItems.list(id, { limit: 1 });
    expect([last.data[0], last.has_more]).toEqual([listed.at(-1), true]);
    const failure = await failureOf(client.responses.inputItems.list(id, { after: "msg_x" }).asResponse());
    expect(failure).toMatchObject({ status: 400, param: "after" });
  });

  test("that are deleted are gone, and cannot be continued", async () => {
    const { id } = await create({ input: question });
    const next = await create({ input: "Why?", previous_response_id: id });
    expect(await client.delete(`/responses/${id}`)).toEqual({ id, object: "response", deleted: true });
    await client.responses.delete(next.id);
    const missing = { status: 404, code: "response_not_found" };
    expect(await failureOf(client.responses.retrieve(id))).toMatchObject(missing);
    expect(await failureOf(client.responses.delete(id))).toMatchObject(missing);
    expect(await failureOf(create({ input: "Why?", previous_response_id: id }))).toMatchObject({
      status: 400,
      code: "previous_response_not_found",
      param: "previous_response_id",
    });
  });

  test("name the one before them that is deleted", async () => {
    const first = await create({ input: question });
    const second = await create({ input: "Why?", previous_response_id: first.id });
    await client.responses.delete(first.id);
    const failure = await failureOf(create({ input: "And?", previous_response_id: second.id }));
    expect(failure.message).toContain(first.id);
    expect(await client.responses.retrieve(second.id)).toEqual(second);
  });

  test("that have ended cannot be cancelled", async () => {
    const { id } = await create({ input: question });
    expect(await failureOf(client.responses.cancel(id))).toMatchObject({ status: 400, param: "response_id" });
    expect(await failureOf(client.responses.cancel("resp_x"))).toMatchObject({ status: 404 });
  });

  test("are stored before their streams end, in the same order of events", async () => {
    const stream = await client.responses.create({ model, temperature: 0, input: question, stream: true });
    const types: string[] = [];
    for await (const event of stream) {
      types.push(event.type);
      if (event.type !== "response.completed") continue;
      expect(event.response).toMatchObject({ store: true });
      expect(await client.responses.retrieve(event.response.id)).toMatchObject(event.response);
    }
    expect(types.slice(0, 3)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
    ]);
    expect(types.at(-1)).toBe("response.completed");
  });

  test("take items by reference", async () => {
    const first = await create({ input: question });
    const references = first.output.map(({ id }) => ({ type: "item_reference" as const, id: id ?? "" }));
    const second = await create({
      input: [{ role: "user", content: question }, ...references, { role: "user", content: "Why?" }],
    });
    expect(second.usage?.input_tokens).toBe(
      await countOf([
        { role: "user", content: question },
        ...toInput(first),
        { role: "user", content: "Why?" },
      ]),
    );
    const missing = create({ input: [{ type: "item_reference", id: "msg_x" }] });
    expect(await failureOf(missing)).toMatchObject({
      status: 404,
      code: "item_not_found",
      param: "input[0]",
    });
    const twice = create({ input: references, previous_response_id: first.id });
    expect(await failureOf(twice)).toMatchObject({ status: 400, code: "invalid_value", param: "input[0]" });
  });
});

describe("conversations", () => {
  test("are created, changed and deleted", async () => {
    const created = await client.conversations.create({ metadata: { topic: "foxes" } });
    expect(created).toMatchObject({ object: "conversation", metadata: { topic: "foxes" } });
    const updated = await client.conversations.update(created.id, { metadata: { topic: "dens" } });
    expect(updated).toEqual({ ...created, metadata: { topic: "dens" } });
    expect(await client.conversations.retrieve(created.id)).toEqual(updated);
    expect(await client.conversations.delete(created.id)).toEqual({
      id: created.id,
      object: "conversation.deleted",
      deleted: true,
    });
    expect(await failureOf(client.conversations.retrieve(created.id))).toMatchObject({
      status: 404,
      code: "conversation_not_found",
    });
    expect((await client.conversations.create()).metadata).toEqual({});
  });

  test("have items", async () => {
    const { id } = await client.conversations.create({ items: [{ role: "user", content: question }] });
    const added = await client.conversations.items.create(id, {
      items: [
        { role: "assistant", content: "In a den." },
        { role: "user", content: "Why?" },
      ],
    });
    expect(added).toMatchObject({ object: "list", has_more: false });
    const all: OpenAI.Conversations.ConversationItem[] = [];
    for await (const item of client.conversations.items.list(id, { order: "asc", limit: 1 })) all.push(item);
    expect(all.slice(1)).toEqual(added.data);
    expect(all[0]).toMatchObject({ role: "user", content: [{ type: "input_text", text: question }] });
    const itemId = added.first_id;
    expect(await client.conversations.items.retrieve(itemId, { conversation_id: id })).toEqual(added.data[0]);
    expect((await client.conversations.items.delete(itemId, { conversation_id: id })).id).toBe(id);
    const gone = client.conversations.items.retrieve(itemId, { conversation_id: id });
    expect(await failureOf(gone)).toMatchObject({ status: 404, code: "item_not_found" });
    const again = client.conversations.items.create(id, {
      items: [{ role: "user", content: "x", id: all[0]?.id } as never],
    });
    expect(await failureOf(again)).toMatchObject({ status: 400, param: "items[0].id" });
    const many = Array.from({ length: 21 }, () => ({ role: "user" as const, content: "x" }));
    const tooMany = client.conversations.items.create(id, { items: many });
    expect(await failureOf(tooMany)).toMatchObject({ status: 400, param: "items" });
  });

  test("precede the input of a response, and get its input and output", async () => {
    const { id } = await client.conversations.create({ items: [{ role: "user", content: question }] });
    const first = await create({ conversation: id });
    expect(first).toMatchObject({ conversation: { id }, store: true });
    const second = await create({ conversation: { id }, input: "Why?", store: false });
    expect(second).toMatchObject({ store: false });
    expect(second.usage?.input_tokens).toBe(
      await countOf([
        { role: "user", content: question },
        ...toInput(first),
        { role: "user", content: "Why?" },
      ]),
    );
    const { data } = await client.conversations.items.list(id, { order: "asc" });
    expect(data.map((item) => ("role" in item ? item.role : item.type))).toEqual([
      "user",
      "reasoning",
      "assistant",
      "user",
      "reasoning",
      "assistant",
    ]);
    const chained = create({ input: "And?", previous_response_id: first.id });
    expect(await failureOf(chained)).toMatchObject({ status: 400, param: "previous_response_id" });
  });
});

describe("the AI SDK's default", () => {
  const openai = () => createOpenAI({ baseURL: `${daemon.url}/v1`, apiKey: "any" });
  const tools = {
    look: tool({
      inputSchema: jsonSchema<{ place: string }>(lookParameters),
      execute: async ({ place }) => `fur in the ${place}`,
    }),
  };

  test("continues with reasoning and text by reference", async () => {
    const messages: ModelMessage[] = [{ role: "user", content: question }];
    for (const next of ["Why?", "And now?"]) {
      const { text, response } = await generateText({ model: openai()(model), messages, temperature: 0 });
      expect(text).toBe("In a den.");
      messages.push(...response.messages, { role: "user", content: next });
    }
    const streamed = streamText({ model: openai()(model), messages, temperature: 0 });
    expect(await streamed.text).toBe("In a den.");
  });

  test("calls tools, and continues after them", async () => {
    const first = await generateText({
      model: openai()(model),
      prompt: question,
      tools,
      stopWhen: stepCountIs(3),
      temperature: 0,
    });
    expect(first.text).toBe("A fox sleeps.");
    const second = await generateText({
      model: openai()(model),
      messages: [
        { role: "user", content: question },
        ...first.response.messages,
        { role: "user", content: "Look again." },
      ],
      tools,
      stopWhen: stepCountIs(3),
      temperature: 0,
    });
    expect(second.text).toBe("A fox sleeps.");
  });

  test("continues a previous response and a conversation", async () => {
    const first = await generateText({ model: openai()(model), prompt: question, temperature: 0 });
    const responseId = first.response.id;
    const options = { model: openai()(model), prompt: "Why?", temperature: 0 };
    const second = await generateText({
      ...options,
      providerOptions: { openai: { previousResponseId: responseId } },
    });
    const { id } = await client.conversations.create({ items: [{ role: "user", content: question }] });
    const third = await generateText({ ...options, providerOptions: { openai: { conversation: id } } });
    expect([second.text, third.text]).toEqual(["In a den.", "In a den."]);
    expect(second.usage.inputTokens).toBeGreaterThan(first.usage.inputTokens ?? 0);
    expect((await client.conversations.items.list(id)).data).toHaveLength(4);
  });
});
