import { ChatAnthropic } from "@langchain/anthropic";
import { HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent, tool } from "langchain";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { startAgentDaemon } from "./support/start-agent-daemon.ts";
import type { TestDaemon } from "./support/start-daemon.ts";

const question = "Where is the fox?";
const placeSchema = z.object({ place: z.enum(["den", "burrow"]), isAsleep: z.boolean() });

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startAgentDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

interface ModelOptions {
  readonly model: "reciting" | "stories";
  readonly temperature?: number;
}

const createOpenAI = ({ model, temperature = 0 }: ModelOptions, useResponsesApi: boolean): ChatOpenAI =>
  new ChatOpenAI({
    model,
    temperature,
    maxTokens: 300,
    maxRetries: 0,
    apiKey: "none",
    useResponsesApi,
    configuration: { baseURL: `${daemon.url}/v1` },
  });
const apis = [
  { api: "chat completions", create: (options: ModelOptions) => createOpenAI(options, false) },
  { api: "responses", create: (options: ModelOptions) => createOpenAI(options, true) },
  {
    api: "messages",
    create: ({ model, temperature = 0 }: ModelOptions) =>
      new ChatAnthropic({
        model,
        temperature,
        maxTokens: 300,
        maxRetries: 0,
        apiKey: "none",
        anthropicApiUrl: daemon.url,
      }),
  },
];

/** A tool that notes with what it is called. */
function createLook() {
  const places: string[] = [];
  const look = tool(
    ({ place }) => {
      places.push(place);
      return `fur in the ${place}`;
    },
    { name: "look", description: "Looks around.", schema: z.object({ place: z.string().max(8) }) },
  );
  return { look, places };
}

describe.each(apis)("LangChain over $api", ({ create }) => {
  test("answers and counts, whole and as a stream", async () => {
    const model = create({ model: "reciting" });
    const whole = await model.invoke(question);
    let streamed = undefined as typeof whole | undefined;
    for await (const chunk of await model.stream(question)) {
      streamed = streamed === undefined ? chunk : streamed.concat(chunk);
    }
    for (const answer of [whole, streamed]) {
      expect(answer?.text).toBe("A fox sleeps.");
      expect(answer).toMatchObject({
        usage_metadata: { output_tokens: 6, input_tokens: expect.any(Number) },
      });
    }
  });

  test("an agent calls a tool twice and answers in the third turn, whole and as a stream", async () => {
    const { look, places } = createLook();
    const agent = createAgent({ model: create({ model: "reciting" }), tools: [look] });
    const { messages } = await agent.invoke({ messages: [new HumanMessage(question)] });
    expect(messages.map(({ type }) => type)).toEqual(["human", "ai", "tool", "ai", "tool", "ai"]);
    expect(messages.at(-1)?.text).toBe("A fox sleeps.");
    let text = "";
    const stream = await agent.stream({ messages: [new HumanMessage(question)] }, { streamMode: "messages" });
    for await (const [message] of stream) if (message.type === "ai") text += message.text;
    expect(text).toBe("A fox sleeps.");
    expect(places).toEqual(Array(4).fill("den"));
  });

  test("an agent goes on with its own history: calls, results and reasoning", async () => {
    const agent = createAgent({ model: create({ model: "reciting" }), tools: [createLook().look] });
    const { messages: history } = await agent.invoke({ messages: [new HumanMessage(question)] });
    const { messages } = await agent.invoke({ messages: [...history, new HumanMessage("Still?")] });
    expect(messages.slice(history.length).map(({ text }) => text)).toEqual(["Still?", "A fox sleeps."]);
  });

  test("a required call is valid, whole and as a stream", async () => {
    const { look } = createLook();
    const model = create({ model: "stories", temperature: 1 }).bindTools([look], { tool_choice: "look" });
    const whole = await model.invoke(question);
    let streamed = undefined as typeof whole | undefined;
    for await (const chunk of await model.stream(question)) {
      streamed = streamed === undefined ? chunk : streamed.concat(chunk);
    }
    for (const answer of [whole, streamed]) {
      expect(answer?.invalid_tool_calls ?? []).toEqual([]);
      const [call] = answer?.tool_calls ?? [];
      expect(call?.name).toBe("look");
      expect(await look.invoke(call?.args as { place: string })).toBe(
        `fur in the ${String(call?.args["place"])}`,
      );
    }
  });

  test("answers with structured output, by each of its methods", async () => {
    const model = create({ model: "stories" });
    for (const method of model instanceof ChatOpenAI
      ? (["jsonSchema", "functionCalling"] as const)
      : (["functionCalling"] as const)) {
      const answer = await model.withStructuredOutput(placeSchema, { method }).invoke(question);
      expect(placeSchema.parse(answer)).toEqual(answer);
    }
  });
});
