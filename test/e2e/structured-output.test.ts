import { Ajv } from "ajv";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postJson } from "./support/post-json.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";
import { createClient } from "./support/stream-chat.ts";

const model = "infernode-stories";
const messages = [{ role: "user" as const, content: "Describe a fox." }];
let daemon: TestDaemon;
let client: OpenAI;

beforeAll(async () => {
  daemon = await startDaemon();
  client = createClient(daemon.url);
});
afterAll(() => daemon[Symbol.asyncDispose]());

const animal = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 20 },
    legs: { type: "integer", minimum: 0, maximum: 8 },
    colours: { type: "array", items: { enum: ["red", "white", "black"] }, maxItems: 3 },
    friend: { anyOf: [{ type: "null" }, { type: "string", pattern: "^[A-Z][a-z]{2,8}$" }] },
  },
  required: ["name", "legs", "colours", "friend"],
  additionalProperties: false,
};

function jsonSchema(schema: Record<string, unknown>): OpenAI.ResponseFormatJSONSchema {
  return { type: "json_schema", json_schema: { name: "animal", schema, strict: true } };
}

describe("response_format", () => {
  test("every answer is JSON of the schema, for any seed and temperature", async () => {
    const validate = new Ajv().compile(animal);
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, seed) =>
        client.chat.completions.create({
          model,
          messages,
          seed,
          temperature: (seed % 5) / 2,
          max_tokens: 400,
          response_format: jsonSchema(animal),
        }),
      ),
    );
    const texts = answers.map(({ choices: [choice] }) => {
      expect(choice?.finish_reason).toBe("stop");
      return choice?.message.content ?? "";
    });
    for (const text of texts) {
      const isValid = validate(JSON.parse(text));
      expect(validate.errors).toBeNull();
      expect(isValid).toBe(true);
    }
    expect(new Set(texts).size).toBeGreaterThan(10);
  });

  test("a stream has the same text, and `n` answers are each of the schema", async () => {
    const body = { model, messages, temperature: 1, seed: 4, n: 3, response_format: jsonSchema(animal) };
    const whole = await client.chat.completions.create(body);
    const streamed = ["", "", ""];
    for await (const { choices } of await client.chat.completions.create({ ...body, stream: true })) {
      for (const { index, delta } of choices) streamed[index] += delta.content ?? "";
    }
    expect(streamed).toEqual(whole.choices.map(({ message }) => message.content));
    for (const text of streamed) expect(JSON.parse(text)).toHaveProperty("legs");
  });

  test("json_object is any JSON object", async () => {
    for (const seed of [1, 2, 3]) {
      const { choices } = await client.chat.completions.create({
        model,
        messages,
        seed,
        temperature: 1,
        max_tokens: 200,
        response_format: { type: "json_object" },
      });
      const text = choices[0]?.message.content ?? "";
      expect(text).toMatch(/^\{/);
      if (choices[0]?.finish_reason === "stop") expect(JSON.parse(text)).toBeTypeOf("object");
    }
  });

  test("an answer that is cut off ends with `length`, and is the beginning of an allowed one", async () => {
    const { choices } = await client.chat.completions.create({
      model,
      messages,
      max_tokens: 4,
      response_format: jsonSchema(animal),
    });
    expect(choices[0]?.finish_reason).toBe("length");
    expect(choices[0]?.message.content).toMatch(/^\{/);
  });
});

describe("structured_outputs", () => {
  async function complete(outputs: object): Promise<string> {
    const body = { model, prompt: "The fox", max_tokens: 60, seed: 5, structured_outputs: outputs };
    const answer = await postJson(`${daemon.url}/v1/completions`, body);
    expect(answer.status).toBe(200);
    return (answer.body as { choices: [{ text: string }] }).choices[0].text;
  }

  test("a grammar", async () => {
    const grammar = 'root ::= "The " animal (" and the " animal)? "."\nanimal ::= "fox" | "cat" | "dog"';
    expect(await complete({ grammar })).toMatch(/^The (fox|cat|dog)( and the (fox|cat|dog))?\.$/);
  });

  test("choice, regex, json as object and as text, without white space", async () => {
    expect(["yes", "no", "perhaps"]).toContain(await complete({ choice: ["yes", "no", "perhaps"] }));
    expect(await complete({ regex: "[a-f]{3}-[0-9]{2}" })).toMatch(/^[a-f]{3}-[0-9]{2}$/);
    const point = {
      type: "object",
      properties: { x: { type: "integer", minimum: 0, maximum: 99 } },
      required: ["x"],
      additionalProperties: false,
    };
    expect(JSON.parse(await complete({ json: point }))).toHaveProperty("x");
    expect(await complete({ json: JSON.stringify(point), disable_any_whitespace: true })).toMatch(
      /^\{"x":\d+\}$/,
    );
  });
});

describe("structural_tag", () => {
  const schema = {
    type: "object",
    properties: { city: { enum: ["Oslo", "Rome"] } },
    required: ["city"],
    additionalProperties: false,
  };
  const call = /^<call>\{\s*"city":\s*"(Oslo|Rome)"\s*\}<\/call>$/;
  const tag = { begin: "<call>", content: { type: "json_schema", json_schema: schema }, end: "</call>" };
  const once = {
    type: "triggered_tags",
    triggers: ["<"],
    tags: [tag],
    at_least_one: true,
    stop_after_first: true,
  };

  async function chat(parameters: object): Promise<string> {
    const body = { model, messages, max_tokens: 100, seed: 3, temperature: 1, ...parameters };
    const answer = await postJson(`${daemon.url}/v1/chat/completions`, body);
    expect(answer).toMatchObject({ status: 200, body: { choices: [{ finish_reason: "stop" }] } });
    return (answer.body as { choices: [{ message: { content: string } }] }).choices[0].message.content;
  }

  test("in structured_outputs, as an object and as its JSON text, without white space", async () => {
    const tagged = { type: "structural_tag", format: once };
    expect(await chat({ structured_outputs: { structural_tag: tagged } })).toMatch(call);
    const text = { structural_tag: JSON.stringify(tagged), disable_any_whitespace: true };
    expect(await chat({ structured_outputs: text })).toMatch(/^<call>\{"city":"(Oslo|Rome)"\}<\/call>$/);
  });

  test("in response_format, with text around the tag that has no end of its own", async () => {
    const elements = [{ type: "tag", begin: "<think>", content: { type: "any_text" }, end: "." }, once];
    const format = { type: "sequence", elements };
    const body = { model, messages, max_tokens: 400, seed: 3, temperature: 1 };
    const answer = await postJson(`${daemon.url}/v1/chat/completions`, {
      ...body,
      response_format: { type: "structural_tag", format },
    });
    const [choice] = (answer.body as { choices: { finish_reason: string; message: { content: string } }[] })
      .choices;
    expect(choice).toMatchObject({ finish_reason: "stop" });
    const [, thought, rest] = /^<think>([^.]*)\.(.*)$/s.exec(choice?.message.content ?? "") ?? [];
    expect(thought).toBeTypeOf("string");
    expect(rest).toMatch(call);
  });

  test("in its older form: a trigger in free text becomes one of the tags", async () => {
    const structures = [{ begin: "a<", schema: { enum: [1, 2] }, end: ">" }];
    const answer = await postJson(`${daemon.url}/v1/completions`, {
      model,
      prompt: "The fox",
      max_tokens: 60,
      response_format: { type: "structural_tag", structures, triggers: ["a"] },
    });
    const { text } = (answer.body as { choices: [{ text: string }] }).choices[0];
    expect(text).toMatch(/a<[12]>/);
    expect(text.replaceAll(/a<[12]>/g, "")).not.toMatch(/a(?!<?[12]?$)/);
  });

  test("is refused with the place in it", async () => {
    const post = async (parameters: object): Promise<unknown> => {
      const answer = await postJson(`${daemon.url}/v1/chat/completions`, { model, messages, ...parameters });
      expect(answer.status).toBe(400);
      return answer.body;
    };
    const bad = { type: "sequence", elements: [once, { type: "any_tokens" }] };
    expect(await post({ response_format: { type: "structural_tag", format: bad } })).toMatchObject({
      error: { param: "response_format.format.elements[1]", code: "unsupported_parameter" },
    });
    const schemaOf = { ...tag, content: { type: "json_schema", json_schema: { type: "objekt" } } };
    const format = { ...once, tags: [schemaOf] };
    expect(
      await post({ structured_outputs: { structural_tag: { type: "structural_tag", format } } }),
    ).toMatchObject({
      error: { param: "structured_outputs.structural_tag.format.tags[0].content" },
    });
  });
});

describe("refused by name", () => {
  const refuse = async (parameters: object): Promise<unknown> => {
    const answer = await postJson(`${daemon.url}/v1/chat/completions`, { model, messages, ...parameters });
    expect(answer.status).toBe(400);
    return answer.body;
  };
  const param = "response_format.json_schema.schema";

  test("a keyword that cannot be enforced, with its path", async () => {
    const schema = { type: "object", properties: { a: { unevaluatedItems: false } } };
    expect(await refuse({ response_format: jsonSchema(schema) })).toMatchObject({
      error: {
        param,
        code: "unsupported_parameter",
        message: expect.stringContaining("#/properties/a/unevaluatedItems"),
      },
    });
  });

  test("a schema that is none, one that nothing matches, a pattern, and one that is too large", async () => {
    const nested = Array.from({ length: 2000 }).reduce<object>((inner) => ({ items: inner }), {});
    for (const schema of [
      { type: "objekt" },
      { enum: [] },
      { type: "integer", minimum: 3, maximum: 2 },
      { type: "string", pattern: "(" },
    ]) {
      expect(await refuse({ response_format: jsonSchema(schema) })).toMatchObject({ error: { param } });
    }
    await refuse({ response_format: jsonSchema(nested as Record<string, unknown>) });
    expect(await refuse({ structured_outputs: { regex: "(a+)+\\1" } })).toMatchObject({
      error: { param: "structured_outputs.regex" },
    });
    expect(
      await refuse({ response_format: { type: "json_object" }, structured_outputs: { regex: "a" } }),
    ).toMatchObject({ error: { param: "structured_outputs" } });
  });

  test("others are answered while a hostile one is compiled, and after it", async () => {
    const hostile = jsonSchema({ type: "string", pattern: "^(a|b|ab|ba){1,5000}(c{1,5000}d){1,5000}$" });
    const [, usual] = await Promise.all([
      postJson(`${daemon.url}/v1/chat/completions`, {
        model,
        messages,
        max_tokens: 5,
        response_format: hostile,
      }),
      client.chat.completions.create({ model, messages, max_tokens: 5 }),
    ]);
    expect(usual.choices[0]?.finish_reason).toBe("length");
    const after = await client.chat.completions.create({
      model,
      messages,
      max_tokens: 400,
      response_format: jsonSchema(animal),
    });
    expect(JSON.parse(after.choices[0]?.message.content ?? "")).toHaveProperty("name");
  });
});
