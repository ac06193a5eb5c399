import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import { open, type ChatMessage, type OpenModel } from "../../packages/backend/dist/index.js";
import { lookParameters, makeLookingModel } from "./support/looking-model.ts";
import type { RecitingModel } from "./support/make-reciting-model.ts";

const question: ChatMessage = { role: "user", content: "Where is the fox?" };
const greedy = { temperature: 0 };
const tools = { look: { description: "Looks around.", parameters: lookParameters } };

let reciting: RecitingModel;
let model: OpenModel;
beforeAll(async () => {
  reciting = await makeLookingModel();
  model = await open(reciting.directory, { name: "reciting", engine: { quantize: "none" } });
});
afterAll(async () => {
  await model.close();
  await reciting[Symbol.asyncDispose]();
});

test("an answer is a stream of its text, and whole afterwards", async () => {
  const answer = model.chat("Where is the fox?", greedy);
  const texts: string[] = [];
  for await (const text of answer) texts.push(text);
  expect(texts.length).toBeGreaterThan(1);
  const { text, reasoning, finishReason, usage } = await answer.result();
  expect({ text, reasoning, finishReason }).toEqual({
    text: texts.join(""),
    reasoning: "Foxes dig.",
    finishReason: "stop",
  });
  expect(text.trim()).toBe("In a den.");
  expect(usage.reasoningTokens).toBeGreaterThan(0);
  expect(usage.completionTokens).toBeGreaterThan(usage.reasoningTokens);
  expect(usage.promptTokens).toBeGreaterThan(0);
});

test("parts are reasoning and content in order", async () => {
  const types: string[] = [];
  for await (const { type } of model.chat([question], greedy).parts()) {
    if (types.at(-1) !== type) types.push(type);
  }
  expect(types).toEqual(["reasoning", "content"]);
});

test("a budget ends the reasoning", async () => {
  const { reasoning, usage } = await model.chat([question], { ...greedy, reasoningBudget: 1 }).result();
  expect(reasoning.trim()).toBe("Foxes");
  expect(usage.reasoningTokens).toBeLessThan(4);
});

test("tools are called, and their results answered", async () => {
  const first = await model.chat([question], { ...greedy, tools }).result();
  expect(first).toMatchObject({
    finishReason: "calls",
    calls: [{ name: "look", arguments: { place: "den" } }],
  });
  const [call] = first.calls;
  const result: ChatMessage = { role: "tool", callId: call?.id ?? "", content: "fur" };
  const text = await model.chat([question, first.message, result], { ...greedy, tools }).text();
  expect(text).toBe("A fox sleeps.");
});

test("a schema of zod gives a typed value, and so does a JSON Schema", async () => {
  const Fox = z.object({ name: z.string().max(8), age: z.int().min(0).max(9) });
  const value = await model.chat("Who?", { schema: Fox, seed: 1, maxTokens: 900 }).value();
  expectTypeOf(value).toEqualTypeOf<{ name: string; age: number }>();
  expect(Fox.parse(value)).toEqual(value);
  const schema = { enum: ["den", "tree"] };
  const place = await model.chat<"den" | "tree">("Where?", { schema, seed: 1 }).value();
  expect(schema.enum).toContain(place);
});

test("a value that was cut off is an error", async () => {
  const schema = { type: "string", minLength: 50 };
  const answer = model.chat("Who?", { schema, seed: 1, maxTokens: 5 });
  await expect(answer.value()).rejects.toMatchObject({ code: "INVALID_ANSWER" });
});

test("the signal stops an answer, and so does leaving the loop", async () => {
  const controller = new AbortController();
  const endless = { ignoreEos: true, maxTokens: 900 };
  const read = async (): Promise<void> => {
    for await (const _ of model.chat("Go on.", { ...endless, signal: controller.signal }).parts()) {
      controller.abort(new Error("enough"));
    }
  };
  await expect(read()).rejects.toThrow("enough");
  const left = model.chat("Go on.", endless);
  for await (const _ of left.parts()) break;
  await expect(left.result()).rejects.toMatchObject({ code: "INVALID_STATE" });
  const isIdle = (): boolean =>
    model.service.models().every(({ stats }) => stats?.runningSequenceCount === 0);
  await expect.poll(isIdle).toBe(true);
});

describe("what is wrong is named", () => {
  const bad: readonly (readonly [title: string, options: object, param: string])[] = [
    ["an unknown option", { topp: 1 }, "topp"],
    ["a type", { maxTokens: "9" }, "maxTokens"],
    ["a range", { topP: 3 }, "topP"],
    ["a tool", { tools: { look: { parameter: {} } } }, "tools.look.parameter"],
    ["a choice", { toolChoice: { name: "look" } }, "toolChoice.name"],
    ["two constraints", { schema: {}, constraint: { regex: "a" } }, "constraint"],
    ["an effort", { reasoningEffort: "much" }, "reasoningEffort"],
  ];
  test.each(bad)("%s", async (_, options, param) => {
    const ask = async (): Promise<string> => model.chat("Hello", options).text();
    await expect(ask()).rejects.toMatchObject({ name: "EngineRequestError", param });
  });

  test("messages", async () => {
    const wrong: readonly (readonly [unknown, string])[] = [
      [[{ role: "user", content: 1 }], "messages[0].content"],
      [[], "messages"],
      [[question, { role: "tool", callId: "x", content: "" }], "messages[1].callId"],
    ];
    for (const [messages, param] of wrong) {
      expect(() => model.chat(messages as ChatMessage[])).toThrow(
        expect.objectContaining({ param }) as Error,
      );
    }
  });

  test("a model that is not there, and a setting that there is not", async () => {
    await expect(open("/nowhere")).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    await expect(open(reciting.directory, { engine: { thread: 1 } } as object)).rejects.toMatchObject({
      code: "INVALID_CONFIG",
    });
  });
});

test("in this process too: the same answer, and none after it is closed", async () => {
  const built = new URL("../../packages/backend/dist/index.js", import.meta.url).href;
  const program = `
    import { open } from ${JSON.stringify(built)};
    const model = await open(process.argv[1], { isInline: true, engine: { quantize: "none" } });
    const text = await model.chat("Where is the fox?", { temperature: 0 }).text();
    await model.close();
    const code = await model.chat("Hello").text().catch((error) => error.code);
    console.log(JSON.stringify({ text, code }));
  `;
  const args = ["--input-type=module", "-e", program, reciting.directory];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const text = await model.chat("Where is the fox?", greedy).text();
  expect(JSON.parse(stdout)).toEqual({ text, code: "ENGINE_UNAVAILABLE" });
});
