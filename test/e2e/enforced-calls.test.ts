import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postJson } from "./support/post-json.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";
import { createClient } from "./support/stream-chat.ts";

const model = "infernode-stories";
const messages = [{ role: "user" as const, content: "Where is the fox?" }];
const template =
  "{% for tool in tools %}{{ tool.function.name }}<tool_call>{% endfor %}" +
  "{% for m in messages %}{{ m.content or '' }}{% endfor %}";

const schemas = {
  look: {
    type: "object",
    properties: {
      place: { enum: ["den", "wood", "field"] },
      times: { type: "integer", minimum: 1, maximum: 9 },
      'say "hi"': { type: "string", maxLength: 6 },
    },
    required: ["place", "times"],
    additionalProperties: false,
  },
  wait: { type: "object", properties: {}, additionalProperties: false },
};
type Name = keyof typeof schemas;
const tools = Object.entries(schemas).map(([name, parameters]) => ({
  type: "function" as const,
  function: { name, parameters },
}));
const ajv = new Ajv();
const validators = { look: ajv.compile(schemas.look), wait: ajv.compile(schemas.wait) };

let directory: string;
let daemon: TestDaemon;
let client: OpenAI;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "infernode-calls-"));
  const templatePath = join(directory, "template.jinja");
  await writeFile(templatePath, template);
  daemon = await startDaemon({ args: ["--chat-template", templatePath] });
  client = createClient(daemon.url);
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

interface Call {
  readonly name: string;
  readonly arguments: string;
}

function callsOf(message: OpenAI.ChatCompletionMessage | undefined): Call[] {
  return (message?.tool_calls ?? []).flatMap((call) => (call.type === "function" ? [call.function] : []));
}

function assertValid(calls: readonly Call[]): void {
  for (const call of calls) {
    const validate = validators[call.name as Name];
    validate(JSON.parse(call.arguments));
    expect(validate.errors).toBeNull();
  }
}

/** Requests of every seed, from greedy to very random. */
async function askAll(count: number, request: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>) {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, seed) =>
      client.chat.completions.create({
        model,
        messages,
        tools,
        seed,
        temperature: (seed % 5) / 2,
        max_tokens: 600,
        ...request,
        stream: false,
      }),
    ),
  );
  return answers.map(({ choices: [choice] }) => {
    const calls = callsOf(choice?.message);
    if (choice?.finish_reason !== "length") assertValid(calls);
    return { calls, reason: choice?.finish_reason, content: choice?.message.content };
  });
}

describe("required", () => {
  test("every answer has calls and nothing else, whose arguments match the schema of their tool", async () => {
    const answers = await askAll(40, { tool_choice: "required", parallel_tool_calls: false });
    for (const { calls, reason, content } of answers) {
      expect({ reason, content, count: calls.length }).toEqual({
        reason: "tool_calls",
        content: null,
        count: 1,
      });
    }
    expect(new Set(answers.map(({ calls }) => calls[0]?.arguments)).size).toBeGreaterThan(10);
  });

  test("an answer may have several calls", async () => {
    const answers = await askAll(12, { tool_choice: "required" });
    for (const { calls } of answers) expect(calls.length).toBeGreaterThan(0);
    expect(answers.some(({ calls }) => calls.length > 1)).toBe(true);
  });

  test("a stream has the same calls, and each of `n` answers has some", async () => {
    const request = {
      model,
      messages,
      tools,
      tool_choice: "required" as const,
      parallel_tool_calls: false,
      seed: 7,
      temperature: 1.5,
    };
    const whole = await client.chat.completions.create({ ...request, n: 3 });
    for (const { message } of whole.choices) assertValid(callsOf(message));
    const streamed = await client.chat.completions.stream({ ...request, n: 3 }).finalChatCompletion();
    expect(
      streamed.choices.map(({ message }) =>
        callsOf(message).map(({ name, arguments: text }) => [name, text]),
      ),
    ).toEqual(
      whole.choices.map(({ message }) => callsOf(message).map(({ name, arguments: text }) => [name, text])),
    );
    expect(streamed.choices.map((choice) => choice.finish_reason)).toEqual(Array(3).fill("tool_calls"));
  });

  test("an answer that is cut off ends with `length`", async () => {
    const [answer] = await askAll(1, { tool_choice: "required", max_tokens: 12 });
    expect(answer?.reason).toBe("length");
  });
});

test("a named function is called once, whatever the model would call", async () => {
  for (const name of ["look", "wait"]) {
    const answers = await askAll(6, { tool_choice: { type: "function", function: { name } } });
    for (const { calls, reason } of answers) {
      expect([reason, calls.map((call) => call.name)]).toEqual(["tool_calls", [name]]);
    }
  }
});

describe("when it is up to the model", () => {
  const strict = tools.map(({ function: own }) => ({
    type: "function" as const,
    function: { ...own, strict: true },
  }));

  test("strict tools leave text free, and no text contains a call that is not one", async () => {
    const answers = await askAll(10, { tools: strict, max_tokens: 60 });
    expect(answers.some(({ content }) => (content ?? "").length > 20)).toBe(true);
    for (const { content } of answers) expect(content ?? "").not.toContain("<tool_call>");
  });

  test("content beside calls is of its schema", async () => {
    const schema = {
      type: "object",
      properties: { fox: { type: "string", maxLength: 9 } },
      required: ["fox"],
      additionalProperties: false,
    };
    const format = { type: "json_schema" as const, json_schema: { name: "fox", schema } };
    const answers = await askAll(10, { tools: strict, response_format: format });
    const validate = ajv.compile(schema);
    for (const { calls, content } of answers) {
      if (calls.length === 0) expect(validate(JSON.parse(content ?? ""))).toBe(true);
      else expect(content).toBeNull();
    }
  });
});

test("of the allowed tools one is called", async () => {
  const allowed = { type: "function" as const, function: { name: "wait" } };
  const answers = await askAll(4, {
    tool_choice: { type: "allowed_tools", allowed_tools: { mode: "required", tools: [allowed] } },
  });
  for (const { calls } of answers) expect(new Set(calls.map(({ name }) => name))).toEqual(new Set(["wait"]));
});

test("the openai client runs tools over three turns that each have a call", async () => {
  const asked: unknown[] = [];
  const runner = client.chat.completions.runTools(
    {
      model,
      messages,
      seed: 3,
      temperature: 1,
      tool_choice: "required",
      parallel_tool_calls: false,
      tools: [
        {
          type: "function",
          function: {
            name: "look",
            description: "Looks around.",
            parameters: schemas.look,
            strict: true,
            parse: JSON.parse,
            function: (input: { place: string }) => {
              asked.push(input);
              return `a fox in the ${input.place}`;
            },
          },
        },
      ],
    },
    { maxChatCompletions: 3 },
  );
  await runner.done();
  expect(asked).toHaveLength(3);
  for (const input of asked) expect(validators.look(input)).toBe(true);
});

test("a message of Anthropic's format has the call that its choice asks for", async () => {
  const own = Object.entries(schemas).map(([name, schema]) => ({ name, input_schema: schema }));
  const ask = async (more: object) =>
    postJson(`${daemon.url}/v1/messages`, { model, messages, max_tokens: 600, tools: own, ...more });
  for (const choice of [
    { type: "any", disable_parallel_tool_use: true },
    { type: "tool", name: "look" },
  ]) {
    const answer = await ask({ tool_choice: choice });
    expect(answer.body).toMatchObject({ stop_reason: "tool_use", content: [{ type: "tool_use" }] });
    const [{ name, input }] = (answer.body as { content: [{ name: Name; input: object }] }).content;
    expect(validators[name](input)).toBe(true);
  }
  const hostile = [
    ...own,
    { name: "third", input_schema: { properties: { a: { unevaluatedItems: false } } } },
  ];
  const refused = await ask({ tools: hostile, tool_choice: { type: "any" } });
  expect(refused.status).toBe(400);
  expect(JSON.stringify(refused.body)).toContain("tools[2].input_schema: #/properties/a/unevaluatedItems");
});

describe("refused by name", () => {
  const refuse = async (parameters: object): Promise<unknown> => {
    const answer = await postJson(`${daemon.url}/v1/chat/completions`, {
      model,
      messages,
      tool_choice: "required",
      ...parameters,
    });
    expect(answer.status).toBe(400);
    return (answer.body as { error: unknown }).error;
  };
  const withSchema = (parameters: object): object => ({
    tools: [...tools, { type: "function", function: { name: "third", parameters } }],
  });
  const param = "tools[2].function.parameters";

  test("a schema that is malformed, that cannot be enforced, or that nothing matches", async () => {
    const hostile: readonly (readonly [object, string])[] = [
      [{ type: "object", properties: { a: { unevaluatedItems: false } } }, "#/properties/a/unevaluatedItems"],
      [{ properties: { a: { type: "string", pattern: "(" } } }, "#/properties/a/pattern"],
      [{ properties: { a: { enum: [] } }, required: ["a"] }, "#"],
      [{ properties: { a: { $ref: "#/none" } } }, "#/properties/a/$ref"],
      [{ properties: { a: { type: "string", format: "colour" } } }, "#/properties/a/format"],
    ];
    for (const [parameters, message] of hostile) {
      expect(await refuse(withSchema(parameters))).toMatchObject({
        param,
        message: expect.stringContaining(message) as unknown,
      });
    }
    expect(await refuse(withSchema({ type: "array" }))).toMatchObject({ param: `${param}.type` });
  });

  test("other content beside calls, which a call could be found in", async () => {
    const asked = { tools, tool_choice: "auto", structured_outputs: { regex: "[a-z<>_]+" } };
    expect(await refuse(asked)).toMatchObject({ param: "structured_outputs.regex" });
  });

  test("a choice without its tool", async () => {
    expect(await refuse({ tools: [] })).toMatchObject({ param: "tool_choice" });
    const unknown = { type: "function", function: { name: "none" } };
    expect(await refuse({ tools, tool_choice: unknown })).toMatchObject({
      param: "tool_choice.function.name",
    });
  });
});
