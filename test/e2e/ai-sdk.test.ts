import {
  generateObject,
  generateText,
  jsonSchema,
  NoSuchModelError,
  Output,
  stepCountIs,
  streamObject,
  streamText,
  tool,
  UnsupportedFunctionalityError,
} from "ai";
import { z } from "zod";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createInfernode, type InfernodeProvider } from "../../packages/backend/dist/ai-sdk/index.js";
import { lookParameters, makeLookingModel } from "./support/looking-model.ts";
import type { RecitingModel } from "./support/make-reciting-model.ts";

const prompt = "Where is the fox?";
let reciting: RecitingModel;
let infernode: InfernodeProvider;
/** Of the engine, and of the one after its crash. */
const pids: number[] = [];
beforeAll(async () => {
  reciting = await makeLookingModel();
  const path = reciting.directory;
  infernode = createInfernode({
    models: { reciting: { path, engine: { quantize: "none" } } },
    events: {
      emit: (...[name, fact]) => {
        const isStart = name === "backend:engine-started" || name === "backend:engine-restarted";
        if (isStart && fact.pid !== undefined) pids.push(fact.pid);
      },
    },
  });
});
afterAll(async () => {
  await infernode.close();
  await reciting[Symbol.asyncDispose]();
});

const model = () => infernode("reciting");
const greedy = { temperature: 0, maxRetries: 0 };

function lookTool(places: unknown[]) {
  return tool({
    description: "Looks around.",
    inputSchema: jsonSchema<{ place: string }>(lookParameters),
    execute: ({ place }) => {
      places.push(place);
      return { found: "fur" };
    },
  });
}

test("generateText gives text, reasoning and usage", async () => {
  const { text, reasoningText, finishReason, usage, warnings, response } = await generateText({
    model: model(),
    prompt,
    ...greedy,
  });
  expect({ text: text.trim(), reasoningText, finishReason }).toEqual({
    text: "In a den.",
    reasoningText: "Foxes dig.",
    finishReason: "stop",
  });
  expect(usage.outputTokens).toBe((usage.outputTokenDetails.textTokens ?? 0) + (usage.reasoningTokens ?? 0));
  expect(usage.inputTokens).toBeGreaterThan(0);
  expect(warnings).toEqual([]);
  expect(response.modelId).toBe("reciting");
});

test("streamText streams the same parts", async () => {
  const types: string[] = [];
  const { fullStream, text, usage } = streamText({ model: model(), prompt, ...greedy });
  for await (const { type } of fullStream) if (types.at(-1) !== type) types.push(type);
  expect(types.join(" ")).toBe(
    "start start-step reasoning-start reasoning-delta reasoning-end text-start text-delta text-end finish-step finish",
  );
  expect((await text).trim()).toBe("In a den.");
  expect((await usage).reasoningTokens).toBeGreaterThan(0);
});

test("tools run over several steps, whole and as a stream", async () => {
  const places: unknown[] = [];
  const request = {
    model: model(),
    prompt,
    tools: { look: lookTool(places) },
    stopWhen: stepCountIs(3),
    ...greedy,
  };
  const whole = await generateText(request);
  expect(whole.text).toBe("A fox sleeps.");
  expect(whole.steps.map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
  const streamed = streamText(request);
  const types: string[] = [];
  for await (const { type } of streamed.fullStream) types.push(type);
  expect(types).toEqual(
    expect.arrayContaining([
      "tool-input-start",
      "tool-input-delta",
      "tool-input-end",
      "tool-call",
      "tool-result",
    ]),
  );
  expect(await streamed.text).toBe("A fox sleeps.");
  expect(places).toEqual(["den", "den"]);
});

test("a choice is enforced", async () => {
  const history = [
    { role: "user" as const, content: prompt },
    { role: "assistant" as const, content: "Let me see." },
  ];
  const { toolCalls } = await generateText({
    model: model(),
    messages: [...history, { role: "user", content: "Well?" }],
    tools: { look: tool({ inputSchema: z.object({ place: z.enum(["burrow", "tree"]) }) }) },
    toolChoice: { type: "tool", toolName: "look" },
    ...greedy,
  });
  expect(toolCalls).toMatchObject([
    { input: { place: expect.stringMatching(/^(?:burrow|tree)$/) as string } },
  ]);
});

test("objects are of their schema: generateObject, streamObject, and the output of generateText", async () => {
  const schema = z.object({ name: z.string().max(8), age: z.int().min(0).max(9) });
  const request = { model: model(), schema, prompt, seed: 1, maxRetries: 0 };
  const { object } = await generateObject(request);
  expect(schema.parse(object)).toEqual(object);
  const streamed = streamObject(request);
  let last: unknown;
  for await (const partial of streamed.partialObjectStream) last = partial;
  expect(await streamed.object).toEqual(last);
  const { output } = await generateText({
    model: model(),
    prompt,
    seed: 1,
    output: Output.object({ schema }),
  });
  expect(schema.parse(output)).toEqual(output);
});

test("options of Infernode are taken, and others refused", async () => {
  const { text } = await generateText({
    model: model(),
    prompt,
    providerOptions: { infernode: { constraint: { choice: ["den", "tree"] } } },
    ...greedy,
  });
  expect(["den", "tree"]).toContain(text);
  const wrong = generateText({
    model: model(),
    prompt,
    providerOptions: { infernode: { minp: 1 } },
    ...greedy,
  });
  await expect(wrong).rejects.toMatchObject({
    code: "INVALID_REQUEST",
    param: "providerOptions.infernode.minp",
  });
  const tooHigh = generateText({ model: model(), prompt, topP: 3, maxRetries: 0 });
  await expect(tooHigh).rejects.toMatchObject({ code: "INVALID_REQUEST", param: "topP" });
});

test("settings without effect are warned of, and files refused", async () => {
  const { warnings } = await generateText({ model: model(), prompt, headers: { "x-a": "b" }, ...greedy });
  expect(warnings).toMatchObject([{ type: "unsupported", feature: "headers" }]);
  const image = { type: "file" as const, data: new Uint8Array([1]), mediaType: "image/png" };
  const seen = generateText({ model: model(), messages: [{ role: "user", content: [image] }], ...greedy });
  await expect(seen).rejects.toSatisfy((error) => UnsupportedFunctionalityError.isInstance(error));
});

test("an abort ends a stream, and an answer that is being made", async () => {
  const endless = {
    model: model(),
    prompt,
    maxOutputTokens: 900,
    providerOptions: { infernode: { ignoreEos: true } },
  };
  const controller = new AbortController();
  const types: string[] = [];
  const { fullStream } = streamText({ ...endless, abortSignal: controller.signal });
  for await (const { type } of fullStream) {
    types.push(type);
    if (type === "reasoning-delta") controller.abort();
  }
  expect(types.at(-1)).toBe("abort");
  const whole = generateText({ ...endless, abortSignal: AbortSignal.timeout(50), maxRetries: 0 });
  await expect(whole).rejects.toMatchObject({ name: "TimeoutError" });
});

test("a crash of the engine is an error in the stream, and a whole answer is made again", async () => {
  const endless = {
    model: model(),
    prompt,
    maxOutputTokens: 900,
    providerOptions: { infernode: { ignoreEos: true } },
    maxRetries: 0,
  };
  const errors: unknown[] = [];
  const { fullStream, finishReason } = streamText({
    ...endless,
    onError: ({ error }) => void errors.push(error),
  });
  const whole = generateText({ ...endless, ...greedy });
  for await (const { type } of fullStream) {
    if (type === "reasoning-delta" && pids.length === 1) process.kill(pids[0] ?? 0, "SIGKILL");
  }
  expect(errors).toMatchObject([{ name: "BackendError", code: "ENGINE_CRASHED" }]);
  expect(await finishReason).toBe("error");
  expect((await whole).finishReason).toBe("length");
  expect(pids).toHaveLength(2);
});

test("models that there are not", () => {
  const calls = [() => infernode("other"), () => infernode.embeddingModel("reciting")];
  for (const call of calls) {
    expect(call).toThrow(expect.toSatisfy((error) => NoSuchModelError.isInstance(error)) as Error);
  }
});
