import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, streamObject, tool } from "ai";
import type OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { thinkRecital } from "./support/looking-model.ts";
import { makeRecitingModel, type RecitingModel } from "./support/make-reciting-model.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";
import { createClient } from "./support/stream-chat.ts";

const place = z.object({ place: z.enum(["den", "wood", "field"]), times: z.number().int().min(1).max(9) });
const question = [{ role: "user" as const, content: "Where is the fox?" }];
const messagesTemplate = `{%- for m in messages -%}<{{ m.role }}>{{ m.content or "" }}{%- endfor -%}
{%- if tools -%}{{ tools | tojson }}{%- endif -%}`;

/** It thinks aloud, then writes anything that is allowed. */
const thinkingTemplate = `${messagesTemplate}{#- <tool_call> -#}<think>`;
const channels = ["<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|constrain|>", "<|call|>"];
const harmonyTemplate = `${messagesTemplate}{#- <|channel|>analysis<|message|> -#}<|start|>assistant<|go|>`;
const harmonyRecital = {
  cue: "<|go|>",
  tokens: ["<|channel|>", "analysis", "<|message|>", "Foxes ", "dig.", "<|end|>", "<|start|>", "assistant"],
};

let models: readonly RecitingModel[];
let daemon: TestDaemon;
let client: OpenAI;
beforeAll(async () => {
  models = [
    await makeRecitingModel({
      template: thinkingTemplate,
      specialTokens: ["<think>", "<tool_call>", "</tool_call>"],
      recitals: [thinkRecital],
    }),
    await makeRecitingModel({
      template: harmonyTemplate,
      specialTokens: channels,
      recitals: [harmonyRecital],
    }),
  ];
  const served = ["thinking", "harmony"].map((name, at) => ["--model", `${name}=${models[at]?.directory}`]);
  daemon = await startDaemon({ args: [...served.flat(), "--quantize", "none"] });
  client = createClient(daemon.url);
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  for (const model of models) await model[Symbol.asyncDispose]();
});

describe.each(["thinking", "harmony"])("a model that reasons: %s", (model) => {
  const tools = [zodFunction({ name: "look", parameters: place })];

  test("reasons before a call that is enforced, whole and as a stream", async () => {
    const request = {
      model,
      messages: question,
      max_tokens: 600,
      seed: 1,
      parallel_tool_calls: false,
      tools,
    };
    for (const choice of ["required", { type: "function", function: { name: "look" } }] as const) {
      const asked = { ...request, tool_choice: choice };
      const whole = await client.chat.completions.parse(asked);
      const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
      for (const { choices } of [whole, streamed]) {
        const message = choices[0]?.message as {
          reasoning_content?: string;
        } & (typeof choices)[0]["message"];
        expect([message.content, choices[0]?.finish_reason]).toEqual([null, "tool_calls"]);
        expect(message.reasoning_content).toMatch(/dig\./);
        const [call] = message.tool_calls ?? [];
        expect(place.parse(call?.function.parsed_arguments)).toBeDefined();
      }
    }
  });

  test("reasons before text that matches its schema", async () => {
    const completion = await client.chat.completions.parse({
      model,
      messages: question,
      max_tokens: 600,
      seed: 1,
      response_format: zodResponseFormat(place, "place"),
    });
    const message = completion.choices[0]?.message as { reasoning_content?: string; parsed?: unknown };
    expect(message.reasoning_content).toMatch(/dig\./);
    expect(place.parse(message.parsed)).toBeDefined();
  });

  test("the helpers of the responses API get the same", async () => {
    const text = await client.responses.parse({
      model,
      input: question,
      text: { format: zodTextFormat(place, "place") },
    });
    expect(place.parse(text.output_parsed)).toBeDefined();
    const called = await client.responses.parse({
      model,
      input: question,
      tools: [zodResponsesFunction({ name: "look", parameters: place })],
      tool_choice: "required",
      parallel_tool_calls: false,
    });
    expect(called.output.map(({ type }) => type)).toEqual(["reasoning", "function_call"]);
    const call = called.output.find(({ type }) => type === "function_call");
    expect(place.parse((call as { parsed_arguments?: unknown }).parsed_arguments)).toBeDefined();
  });

  test("the AI SDK gets objects and calls, by both of OpenAI's APIs", async () => {
    const compatible = createOpenAICompatible({
      name: "infernode",
      baseURL: `${daemon.url}/v1`,
      supportsStructuredOutputs: true,
    });
    const openai = createOpenAI({ baseURL: `${daemon.url}/v1`, apiKey: "none" });
    for (const provided of [compatible(model), openai(model)]) {
      const request = { model: provided, prompt: "Where?", schema: place, maxRetries: 0 };
      expect(place.parse((await generateObject(request)).object)).toBeDefined();
      const streamed = streamObject(request);
      for await (const _ of streamed.textStream);
      expect(place.parse(await streamed.object)).toBeDefined();
      const { toolCalls } = await generateText({
        model: provided,
        prompt: "Where?",
        maxRetries: 0,
        tools: { look: tool({ inputSchema: place, strict: true }) },
        toolChoice: "required",
        providerOptions: {
          infernode: { parallel_tool_calls: false },
          openai: { parallelToolCalls: false },
        },
      });
      expect(toolCalls).toHaveLength(1);
      for (const { input } of toolCalls) expect(place.parse(input)).toBeDefined();
    }
  });
});

test("runTools calls the function with arguments that its schema parses", async () => {
  const seen: unknown[] = [];
  const look = zodFunction({
    name: "look",
    parameters: place,
    function: (given) => void seen.push(given),
  });
  const runner = client.chat.completions.runTools({
    model: "thinking",
    messages: question,
    max_tokens: 600,
    seed: 1,
    parallel_tool_calls: false,
    tool_choice: { type: "function", function: { name: "look" } },
    tools: [look],
  });
  await runner.done();
  expect(seen).toHaveLength(1);
  expect(place.parse(seen[0])).toBeDefined();
});
