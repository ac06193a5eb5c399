import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, streamText } from "ai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import { createClient } from "../e2e/support/stream-chat.ts";

type Message = OpenAI.ChatCompletionMessageParam;

const model = "infernode-stories";
const question = { role: "user" as const, content: "Tell me of a fox." };

/** Writes everything that a message may have. */
const template = `{%- for m in messages -%}
<|{{ m.role }}|>{{ m.content or "" }}{{ m.reasoning_content or "" }}{{ m.tool_call_id or "" }}
{%- for call in m.tool_calls or [] -%}{{ call.function.name }}{{ call.id or "" }}{%- endfor -%}<|turn_end|>
{%- endfor -%}{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}`;

let folder: string;
let daemon: TestDaemon;
let client: OpenAI;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "infernode-history-"));
  const templatePath = join(folder, "template.jinja");
  await writeFile(templatePath, template);
  daemon = await startDaemon({ args: ["--chat-template", templatePath] });
  client = createClient(daemon.url);
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function post(path: string, body: string): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(daemon.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return { status: response.status, text: await response.text() };
}

/** The prompt that a conversation is, in tokens. */
async function tokensOf(messages: readonly unknown[]): Promise<unknown> {
  const { status, text } = await post("/tokenize", JSON.stringify({ messages }));
  expect({ status, text }).toMatchObject({ status: 200 });
  return (JSON.parse(text) as { tokens: unknown }).tokens;
}

/** It is taken, and the model sees the text of it and nothing else. */
async function expectSameAsPlain(message: unknown, content: string): Promise<void> {
  const plain = [question, { role: "assistant", content }, question];
  expect(await tokensOf([question, message, question])).toEqual(await tokensOf(plain));
  const history = [question, message, question] as Message[];
  const answer = await client.chat.completions.create({ model, messages: history, max_tokens: 2 });
  expect(answer.choices).toHaveLength(1);
}

describe("an answer goes back into the history as it is", () => {
  test("of the openai client's create, parse and stream", async () => {
    const ask = { model, messages: [question], max_tokens: 6 };
    // `parse` refuses an answer that was cut off.
    const whole = { model, messages: [question], stop: ["."], seed: 1 };
    const created = await client.chat.completions.create(ask);
    const parsed = await client.chat.completions.parse(whole);
    const streamed = await client.chat.completions.stream(whole).finalMessage();
    for (const message of [created.choices[0]?.message, parsed.choices[0]?.message, streamed]) {
      expect(message?.content).not.toBe("");
      await expectSameAsPlain(message, message?.content ?? "");
    }
    expect(parsed.choices[0]?.message).toHaveProperty("parsed", null);
    expect(streamed).toHaveProperty("parsed", null);
  });

  test("of a stream whose deltas a client adds up itself, empty fields included", async () => {
    const stream = await client.chat.completions.create({
      model,
      messages: [question],
      max_tokens: 6,
      stream: true,
    });
    const empty = { refusal: null, function_call: null, tool_calls: null, audio: null, reasoning: null };
    let content = "";
    let role: string | undefined;
    for await (const chunk of stream) {
      content += chunk.choices[0]?.delta.content ?? "";
      role = chunk.choices[0]?.delta.role ?? role;
    }
    await expectSameAsPlain({ role, content, ...empty }, content);
  });

  test("of a conversation of the openai client's runTools that called a tool", async () => {
    const call = {
      id: "call_1",
      index: 0,
      type: "function",
      function: { name: "look", arguments: "{}", parsed_arguments: null },
    };
    const history = [
      question,
      { role: "assistant", content: null, parsed: null, refusal: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "call_1", content: "a fox", name: null },
      { role: "assistant", content: "A fox.", parsed: null, tool_calls: [] },
      question,
    ] as unknown as Message[];
    const answer = await client.chat.completions.create({ model, messages: history, max_tokens: 2 });
    expect(answer.choices[0]?.finish_reason).toBe("length");
  });

  test("of the AI SDK and of LangChain", async () => {
    const provider = createOpenAICompatible({ name: "infernode", baseURL: `${daemon.url}/v1` });
    const options = { model: provider(model), maxOutputTokens: 6, maxRetries: 0 };
    const first = await generateText({ ...options, messages: [question] });
    const streamed = streamText({
      ...options,
      messages: [question, ...first.response.messages, question],
    });
    const more = (await streamed.response).messages;
    const second = await generateText({ ...options, messages: [question, ...more, question] });
    expect(second.text).not.toBe("");

    const chat = new ChatOpenAI({
      model,
      apiKey: "none",
      maxTokens: 6,
      maxRetries: 0,
      configuration: { baseURL: `${daemon.url}/v1` },
    });
    const human = new HumanMessage(question.content);
    const answer = await chat.invoke([human]);
    let sum: AIMessage | undefined;
    for await (const chunk of await chat.stream([human, answer, human])) {
      sum = sum === undefined ? chunk : chunk.concat(sum as typeof chunk);
    }
    const last = await chat.invoke([human, answer, human, sum ?? new AIMessage(""), human]);
    expect(last.text).not.toBe("");
  });
});

describe("null counts as absent", () => {
  const nothing = null;
  test.each([
    ["in the body", { stop: nothing, tools: nothing, stream: nothing, seed: nothing, logit_bias: nothing }],
    ["in an unknown field", { of_another_server: nothing }],
    ["in stream_options", { stream: true, stream_options: { include_usage: nothing, other: nothing } }],
    ["in a message", { messages: [{ ...question, name: nothing, other: nothing, cache_control: nothing }] }],
    [
      "in a part",
      {
        messages: [
          { role: "user", content: [{ type: "text", text: "a", cache_control: nothing, x: nothing }] },
        ],
      },
    ],
    [
      "in a tool call",
      {
        messages: [
          question,
          {
            role: "assistant",
            content: nothing,
            tool_calls: [
              {
                id: nothing,
                index: nothing,
                type: nothing,
                other: nothing,
                function: { name: "f", arguments: "{}", parsed_arguments: nothing, other: nothing },
              },
            ],
          },
        ],
      },
    ],
  ])("%s", async (_, fields) => {
    const body = { model, messages: [question], max_tokens: 1, ...fields };
    expect(await post("/v1/chat/completions", JSON.stringify(body))).toMatchObject({ status: 200 });
  });

  test("and what is needed is missing then", async () => {
    const body = { model: null, messages: [question] };
    const { status, text } = await post("/v1/chat/completions", JSON.stringify(body));
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { code: "missing_required_parameter", param: "model" } });
  });
});

test("marks for prompt caches on parts and messages change nothing", async () => {
  const cache_control = { type: "ephemeral", ttl: "1h" };
  const marked = {
    ...question,
    content: [{ type: "text", text: question.content, cache_control }],
    cache_control,
  };
  expect(await tokensOf([marked])).toEqual(await tokensOf([question]));
});

test("reasoning goes back under either name", async () => {
  const assistant = { role: "assistant", content: "A fox." };
  const named = await tokensOf([question, { ...assistant, reasoning_content: "Hm." }]);
  expect(await tokensOf([question, { ...assistant, reasoning: "Hm." }])).toEqual(named);
  expect(await tokensOf([question, assistant])).not.toEqual(named);
});

describe("a seed of 64 bits", () => {
  const textOf = async (seed: string): Promise<string> => {
    const fields = `"model":"${model}","prompt":"Once","max_tokens":24,"temperature":2,"ignore_eos":true`;
    const { status, text } = await post("/v1/completions", `{${fields},"seed":${seed}}`);
    expect({ seed, status, text }).toMatchObject({ status: 200 });
    return (JSON.parse(text) as { choices: { text: string }[] }).choices[0]?.text ?? "";
  };

  test("gives the same text again, and each another one", async () => {
    const seeds = [
      "9223372036854775807",
      "9223372036854775806",
      "9223372036854775805",
      "-9223372036854775808",
      "-9223372036854775807",
      "18446744073709551615",
      "18446744073709551614",
      "9007199254740993",
      "9007199254740992",
      "1",
    ];
    const texts = await Promise.all(seeds.map(textOf));
    expect(new Set(texts.slice(0, -1)).size).toBe(seeds.length - 1);
    expect(await Promise.all(seeds.map(textOf))).toEqual(texts);
  });

  test("is the last of two, wherever the word stands", async () => {
    const seed = await textOf("9223372036854775807");
    const others = '"metadata":{"seed":9223372036854775803},"user":"\\"seed\\":9223372036854775803"';
    expect(await textOf(`9223372036854775803,${others},"s\\u0065ed" : 9223372036854775807`)).toBe(seed);
  });

  test("of a body that is read in a thread keeps its digits", async () => {
    const user = `"user":"${"x".repeat(70_000)}"`;
    const [one, other] = ["9223372036854775807", "9223372036854775806"];
    expect(await textOf(`${one},${user}`)).toBe(await textOf(one));
    expect(await textOf(`${other},${user}`)).toBe(await textOf(other));
  });

  test.each(["18446744073709551616", "-9223372036854775809", "1e20", "1e400", "1.5", '"1"'])(
    "%s is refused",
    async (seed) => {
      const body = `{"model":"${model}","prompt":"Once","seed":${seed}}`;
      const { status, text } = await post("/v1/completions", body);
      expect(status).toBe(400);
      expect(JSON.parse(text)).toMatchObject({ error: { param: "seed" } });
      expect(text).toContain("an integer from -9223372036854775808 to 18446744073709551615");
    },
  );
});

describe("a number at the edge of what numbers are", () => {
  const edges = [
    "0",
    "1",
    "-0",
    "5e-324",
    "-5e-324",
    "1e-320",
    "1e-40",
    "1e-7",
    "0.01",
    "100",
    "1e38",
    "1e40",
    "1e308",
    "-1e308",
    "1e400",
    "-1e400",
    "1E+2",
    "4294967296",
    "9007199254740993",
    "99999999999999999999999",
  ];
  test.each([
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "max_tokens",
    "max_completion_tokens",
    "min_tokens",
    "n",
    "best_of",
    "logprobs",
    "seed",
    "priority",
    "stop_token_ids",
    "logit_bias",
  ])("of %s is used or refused by name", async (name) => {
    const wrap = (edge: string): string =>
      name === "logit_bias" ? `{"5":${edge},"6":${edge}}` : name === "stop_token_ids" ? `[${edge}]` : edge;
    const answers = await Promise.all(
      edges.map(async (edge) => {
        const rest = name.startsWith("max_") ? "" : ',"max_tokens":3';
        const body = `{"model":"${model}","prompt":"Once upon a time"${rest},"${name}":${wrap(edge)}}`;
        return { edge, answer: await post("/v1/completions", body) };
      }),
    );
    for (const { edge, answer } of answers) {
      const { status, text } = answer;
      expect({ name, edge, status, isKnown: [200, 400].includes(status), text }).toMatchObject({
        isKnown: true,
      });
      expect(text).not.toContain("NaN");
      if (status === 400) expect(text).toMatch(new RegExp(`${name}|maximum context length`));
    }
    expect(answers.some(({ answer }) => answer.status === 200)).toBe(true);
  });

  test("of a penalty and a bias at once leaves numbers", async () => {
    const bias = Object.fromEntries(Array.from({ length: 300 }, (_, id) => [id, id % 2 === 0 ? 100 : -100]));
    for (const repetition_penalty of [0.01, 100]) {
      for (const temperature of [0, 5e-324, 2]) {
        const body = {
          model,
          prompt: Array.from({ length: 300 }, (_, id) => id),
          max_tokens: 4,
          logprobs: 3,
          logit_bias: bias,
          presence_penalty: -2,
          frequency_penalty: 2,
          top_p: 5e-324,
          min_p: 1,
          repetition_penalty,
          temperature,
        };
        const { status, text } = await post("/v1/completions", JSON.stringify(body));
        expect({ status, text }).toMatchObject({ status: 200 });
      }
    }
  });
});
