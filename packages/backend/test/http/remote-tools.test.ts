import { afterAll, beforeAll, expect, test } from "vitest";
import type OpenAI from "openai";
import { createRemoteService, type RemoteService } from "../../src/models/remote/remote-service.ts";
import { createScriptedService, type ScriptedService } from "../support/scripted-service.ts";
import { startServer, type TestServer } from "./start-server.ts";

const path = "/v1/chat/completions";
const answer = [
  "<think>",
  "near",
  "</think>",
  "Let me look.",
  '<tool_call>{"name":"look","arguments":{"place":',
  '"den"}}</tool_call>',
  '<tool_call>{"name":"look"}</tool_call>',
];
const toolsJson = '[{"type":"function","function":{"name":"look","parameters":{"b":1.0,"a":1}}}]';

let scripted: ScriptedService;
let first: TestServer;
let remote: RemoteService;
/** Answers with what the first server answers. */
let second: TestServer;
beforeAll(async () => {
  const template = "{{ tools }}{{ reasoning_effort }}<tool_call><think>";
  scripted = await createScriptedService({ template, answers: [answer] });
  first = await startServer({}, { service: scripted.service });
  remote = createRemoteService({ url: first.url });
  await remote.refresh();
  second = await startServer({}, { service: remote });
});
afterAll(async () => {
  await second.close();
  await remote.dispose();
  await first.close();
});

const bodyWith = (more: object): string =>
  `${JSON.stringify({ model: scripted.modelId, messages: [{ role: "user", content: "Where?" }], ...more }).slice(0, -1)},"tools":${toolsJson}}`;

/** What does not differ between two answers to one request. */
async function ask(server: TestServer, more: object): Promise<unknown> {
  const response = await server.post(path, bodyWith(more));
  const text = await response.text();
  expect({ status: response.status, text }).toMatchObject({ status: 200 });
  return text
    .replaceAll(/"id":"[^"]*"/g, '"id":""')
    .replaceAll(/"(?:created|system_fingerprint)":[^,]*,/g, "")
    .split("\n\n");
}

test.each([{}, { stream: true, stream_options: { include_usage: true } }, { parallel_tool_calls: false }])(
  "a model of another server answers as it does there: %j",
  async (more) => {
    const there = await ask(first, more);
    expect(await ask(second, more)).toEqual(there);
  },
);

test("the other server gets the tools as the client wrote them, and the effort", async () => {
  await ask(second, { reasoning_effort: "low" });
  const prompt = scripted.prompts.at(-1);
  expect(prompt?.kind === "chat" && prompt.options).toMatchObject({
    toolsJson,
    variablesJson: '{"reasoning_effort":"low"}',
  });
});

test("a call keeps the id that the other server gave it", async () => {
  const create = (server: TestServer): Promise<OpenAI.ChatCompletion> =>
    server.client.chat.completions.create({
      model: scripted.modelId,
      messages: [{ role: "user", content: "Where?" }],
      tools: [{ type: "function", function: { name: "look" } }],
    });
  const ids = ({ choices }: OpenAI.ChatCompletion) => choices[0]?.message.tool_calls?.map(({ id }) => id);
  expect(ids(await create(second))).toEqual([
    expect.stringMatching(/^call_[0-9a-f]{24}$/),
    expect.stringMatching(/^call_[0-9a-f]{24}$/),
  ]);
});
