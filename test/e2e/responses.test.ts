import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lookParameters, makeLookingModel } from "./support/looking-model.ts";
import type { RecitingModel } from "./support/make-reciting-model.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";
import { createClient } from "./support/stream-chat.ts";

const model = "reciting";
const question = "Where is the fox?";
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

const look = { type: "function" as const, name: "look", parameters: lookParameters, strict: false };

interface SentEvent {
  readonly name: string;
  readonly data: Record<string, unknown>;
}

/** The events of a stream as they are sent. */
async function eventsOf(body: object): Promise<readonly SentEvent[]> {
  const response = await fetch(`${daemon.url}/v1/responses`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, temperature: 0, stream: true, ...body }),
  });
  const text = await response.text();
  return text
    .trimEnd()
    .split("\n\n")
    .map((event) => {
      const [, name = "", data = ""] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
      return { name, data: JSON.parse(data) as Record<string, unknown> };
    });
}

/** Names without those that follow each other. */
function order(events: readonly SentEvent[]): readonly string[] {
  return events.map(({ name }) => name).filter((name, at, all) => name !== all[at - 1]);
}

describe("the events of a stream", () => {
  test("are in OpenAI's order for reasoning and a message, and numbered", async () => {
    const events = await eventsOf({ input: question });
    expect(order(events)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.reasoning_text.delta",
      "response.reasoning_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(events.map(({ data }) => data["sequence_number"])).toEqual(events.map((_, at) => at));
    expect(events.every(({ name, data }) => data["type"] === name)).toBe(true);
    expect(events.at(-1)?.data["response"]).toMatchObject({
      status: "completed",
      output: [
        { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "Foxes dig." }] },
        { type: "message", status: "completed", content: [{ type: "output_text", text: "In a den." }] },
      ],
      usage: { output_tokens_details: { reasoning_tokens: 2 } },
    });
  });

  test("are in OpenAI's order for a call", async () => {
    const events = await eventsOf({ input: question, tools: [look] });
    expect(order(events)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.function_call_arguments.delta",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.completed",
    ]);
    const done = events.find(({ name }) => name === "response.function_call_arguments.done");
    expect(done?.data).toMatchObject({ output_index: 0, name: "look", arguments: '{"place": "den"}' });
  });

  test("end with response.incomplete at the length limit", async () => {
    const events = await eventsOf({ input: question, max_output_tokens: 4 });
    expect(events.at(-1)).toMatchObject({
      name: "response.incomplete",
      data: { response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } } },
    });
  });
});

/** Output as input; the types of one kind of item that there is none of differ. */
function toInput({ output }: OpenAI.Responses.Response): OpenAI.Responses.ResponseInputItem[] {
  return output as OpenAI.Responses.ResponseInputItem[];
}

describe("the openai client", () => {
  test("gets the same answer whole and by its stream helper", async () => {
    const request = { model, input: question, temperature: 0 };
    const whole = await client.responses.create(request);
    const streamed = await client.responses.stream(request).finalResponse();
    for (const response of [whole, streamed]) {
      expect(response).toMatchObject({ object: "response", status: "completed", output_text: "In a den." });
      expect(response.error).toBeNull();
      expect(response.usage?.total_tokens).toBeGreaterThan(0);
    }
    const withoutIds = ({ output }: typeof whole): unknown =>
      JSON.parse(
        JSON.stringify(output, (key, value: unknown) => (/^id$|^parsed/.test(key) ? undefined : value)),
      );
    expect(withoutIds(streamed)).toEqual(withoutIds(whole));
  });

  test("calls a tool, and sends its own output back with the result", async () => {
    const first = await client.responses.create({
      model,
      input: question,
      tools: [look],
      temperature: 0,
    });
    const [call] = first.output;
    expect(call).toMatchObject({ type: "function_call", name: "look", arguments: '{"place": "den"}' });
    if (call?.type !== "function_call") throw new Error("expected a call");
    const second = await client.responses.create({
      model,
      input: [
        { role: "user", content: question },
        ...toInput(first),
        { type: "function_call_output", call_id: call.call_id, output: "fur" },
      ],
      tools: [look],
      temperature: 0,
    });
    expect(second.output_text).toBe("A fox sleeps.");
  });

  test("gets a call of the function that it names, with arguments that match its schema", async () => {
    const { output } = await client.responses.create({
      model,
      instructions: "Be brief.",
      input: question,
      tools: [
        { ...look, strict: true, parameters: { ...lookParameters, properties: { place: { const: "den" } } } },
      ],
      tool_choice: { type: "function", name: "look" },
      temperature: 0,
    });
    expect(output).toMatchObject([{ type: "function_call", name: "look" }]);
    const [call] = output;
    expect(JSON.parse(call?.type === "function_call" ? call.arguments : "")).toEqual({ place: "den" });
  });

  test("sends reasoning back, and instructions as the system message", async () => {
    const first = await client.responses.create({ model, input: question, temperature: 0 });
    const second = await client.responses.create({
      model,
      instructions: "Be brief.",
      input: [{ role: "user", content: question }, ...toInput(first), { role: "user", content: "Again?" }],
      temperature: 0,
    });
    expect(second.output_text).toBe("Here.");
  });

  test("parses an answer whose format is a schema", async () => {
    const response = await client.responses.parse({
      model,
      instructions: "Answer in JSON.",
      input: question,
      text: {
        format: {
          type: "json_schema",
          name: "place",
          strict: true,
          schema: {
            type: "object",
            properties: { place: { enum: ["den", "burrow"] } },
            required: ["place"],
            additionalProperties: false,
          },
        },
      },
      temperature: 0,
    });
    expect(["den", "burrow"]).toContain((JSON.parse(response.output_text) as { place: string }).place);
  });
});

describe("the AI SDK's default model", () => {
  const provider = (): ReturnType<typeof createOpenAI> =>
    createOpenAI({ baseURL: `${daemon.url}/v1`, apiKey: "none" });

  test("runs a tool in its loop, whole and as a stream", async () => {
    const options = {
      model: provider()(model),
      prompt: question,
      tools: {
        look: tool({
          inputSchema: jsonSchema<{ place: string }>(lookParameters),
          execute: async ({ place }) => `fur in the ${place}`,
        }),
      },
      stopWhen: stepCountIs(3),
      temperature: 0,
    };
    const whole = await generateText(options);
    expect(whole.text).toBe("A fox sleeps.");
    expect(whole.steps.map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
    expect(whole.steps[0]?.toolCalls[0]).toMatchObject({ toolName: "look", input: { place: "den" } });
    const streamed = streamText(options);
    expect(await streamed.text).toBe("A fox sleeps.");
    expect((await streamed.steps).map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
  });

  test("streams text with its usage", async () => {
    const streamed = streamText({ model: provider()(model), prompt: question, temperature: 0 });
    expect(await streamed.text).toBe("In a den.");
    expect(await streamed.finishReason).toBe("stop");
    expect((await streamed.usage).outputTokens).toBeGreaterThan(0);
  });

  test("gets an object of a schema", async () => {
    const { output } = await generateText({
      model: provider()(model),
      system: "Answer in JSON.",
      prompt: question,
      temperature: 0,
      output: Output.object({
        schema: jsonSchema<{ place: string }>({
          type: "object",
          properties: { place: { enum: ["den", "burrow"] } },
          required: ["place"],
          additionalProperties: false,
        }),
      }),
    });
    expect(["den", "burrow"]).toContain(output.place);
  });

  test("continues a conversation with `store: false`", async () => {
    const first = await generateText({ model: provider()(model), prompt: question, temperature: 0 });
    const { text } = await generateText({
      model: provider()(model),
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: question },
        ...first.response.messages,
        { role: "user", content: "Again?" },
      ],
      temperature: 0,
      providerOptions: { openai: { store: false } },
    });
    expect(text).toBe("Here.");
  });
});

describe("requests that are refused", () => {
  const refused: readonly (readonly [fields: object, param: string, code: string])[] = [
    [{ previous_response_id: "resp_1" }, "previous_response_id", "previous_response_not_found"],
    [{ previous_response_id: "resp_1", conversation: "conv_1" }, "previous_response_id", "invalid_value"],
    [{ input: null }, "input", "missing_required_parameter"],
    [{ metadata: { a: 1 } }, "metadata.a", "invalid_type"],
    [{ store: "yes" }, "store", "invalid_type"],
    [{ truncation: "auto" }, "truncation", "invalid_value"],
    [{ top_logprobs: 2 }, "top_logprobs", "unsupported_parameter"],
    [{ tools: [{ type: "web_search" }] }, "tools[0].type", "unsupported_parameter"],
    [{ tools: [look, look] }, "tools[1].name", "invalid_value"],
    [
      { input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] },
      "input[0].content[0]",
      "unsupported_content",
    ],
    [{ input: [{ type: "computer_call" }] }, "input[0].type", "invalid_value"],
    [{ tool_choice: "required" }, "tool_choice", "invalid_value"],
    [
      { tools: [{ ...look, strict: true, parameters: { unevaluatedItems: false } }] },
      "tools[0].parameters",
      "unsupported_parameter",
    ],
    [{ reasoning: { effort: "high" } }, "reasoning.effort", "unsupported_parameter"],
    [
      { text: { format: { type: "json_schema", name: "a", schema: { unevaluatedItems: false } } } },
      "text.format.schema",
      "unsupported_parameter",
    ],
    [{ max_output_tokens: 0 }, "max_output_tokens", "invalid_value"],
    [{ max_tokens: 5 }, "max_tokens", "unsupported_parameter"],
    [{ input: "fox ".repeat(5000) }, "input", "context_length_exceeded"],
    [{ inputs: "fox" }, "inputs", "unknown_parameter"],
  ];

  test.each(refused.map(([fields, param, code]) => ({ fields, param, code })))(
    "$param: $code",
    async (each) => {
      const { fields, param, code } = each;
      const response = await fetch(`${daemon.url}/v1/responses`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model, input: question, ...fields }),
      });
      expect(response.status).toBe(400);
      const { error } = (await response.json()) as {
        error: { param: string; code: string; message: string };
      };
      expect(error).toMatchObject({ param, code });
      expect(error.message).not.toMatch(/messages|`max_tokens` \(|\.function/);
    },
  );
});
