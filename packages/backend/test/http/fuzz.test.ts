import { createRandom } from "../../../../benchmarks/lib/random.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelId } from "./fake-engine.ts";
import { readChunks } from "./read-sse.ts";
import { startServer, type TestServer } from "./start-server.ts";

const bodyCount = 500;
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ bodyLimitBytes: 200_000 });
});
afterAll(async () => server.close());

const chatBody = {
  model: modelId,
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: [{ type: "text", text: "Tell me a story 🦊" }] },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }],
    },
    { role: "tool", tool_call_id: "a", content: "x" },
  ],
  temperature: 0.7,
  top_p: 0.9,
  top_k: 5,
  seed: 1,
  n: 2,
  stop: ["END"],
  max_tokens: 4,
  logit_bias: { "3": 1 },
  logprobs: true,
  top_logprobs: 2,
  stream: false,
  user: "u",
};
const completionBody = {
  model: modelId,
  prompt: ["one", "two"],
  temperature: 0.7,
  n: 1,
  stop: "END",
  max_tokens: 4,
  logprobs: 2,
  echo: false,
  stream: true,
  stream_options: { include_usage: true },
};

const fields = [
  ...new Set([...Object.keys(chatBody), ...Object.keys(completionBody)]),
  "tools",
  "tool_choice",
  "response_format",
  "min_p",
  "min_tokens",
  "max_completion_tokens",
  "stop_token_ids",
  "ignore_eos",
  "suffix",
  "best_of",
  "metadata",
  "chat_template_kwargs",
  "store",
  "constructor",
  "toString",
  "__proto__",
  "hasOwnProperty",
  "",
  "💥",
];

function makeValue(random: () => number, depth = 0): unknown {
  const pick = <T>(values: readonly T[]): T | undefined => values[Math.floor(random() * values.length)];
  const simple = [
    null,
    true,
    false,
    0,
    -1,
    1,
    2,
    0.5,
    -0.0,
    1e9,
    1e308,
    -1e308,
    2 ** 53,
    2 ** 64,
    5e-324,
    "",
    " ",
    "a",
    "text",
    "user",
    "\u0000",
    "\u{1f98a}",
    "NaN",
    "Infinity",
    "null",
    modelId,
    "x".repeat(2000),
    [],
    {},
  ];
  const roll = random();
  if (depth > 3 || roll < 0.6) return pick(simple);
  if (roll < 0.75) {
    return Array.from({ length: Math.floor(random() * 6) }, () => makeValue(random, depth + 1));
  }
  if (roll < 0.78) return Array.from({ length: 20_000 }, () => pick([0, "a", null, 7]));
  return Object.fromEntries(
    Array.from({ length: Math.floor(random() * 4) }, () => [pick(fields), makeValue(random, depth + 1)]),
  );
}

/** Replaces values at random places of a body. */
function mutateValue(value: unknown, random: () => number): unknown {
  if (random() < 0.12) return makeValue(random);
  if (Array.isArray(value)) return value.map((each) => mutateValue(each, random));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .filter(() => random() > 0.03)
    .map(([key, each]) => [key, random() < 0.5 ? each : mutateValue(each, random)]);
  return Object.fromEntries(entries);
}

function mutateText(text: string, random: () => number): string {
  const scraps = [
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\\",
    "\\ud800",
    "\\u0000",
    "e999",
    "-",
    "NaN",
    "\u0007",
    '"n":1,',
    "null",
  ];
  let changed = text;
  for (let count = Math.floor(random() * 4); count >= 0; count -= 1) {
    const at = Math.floor(random() * (changed.length + 1));
    const length = random() < 0.1 ? Math.floor(random() * changed.length) : Math.floor(random() * 4);
    const scrap = random() < 0.6 ? scraps[Math.floor(random() * scraps.length)] : "";
    changed = changed.slice(0, at) + scrap + changed.slice(at + length);
  }
  return changed;
}

function makeText(random: () => number, base: Readonly<Record<string, unknown>>): string {
  const roll = random();
  if (roll < 0.3) return mutateText(JSON.stringify(base), random);
  if (roll < 0.6) {
    const name = fields[Math.floor(random() * fields.length)] ?? "";
    const value = JSON.stringify(makeValue(random));
    // Written by hand so that `__proto__` and repeated keys get into the text.
    return `{${JSON.stringify(name)}:${value},${JSON.stringify(base).slice(1)}`;
  }
  return JSON.stringify(random() < 0.9 ? mutateValue(base, random) : makeValue(random));
}

const errorKeys = "message,type,param,code";
const foreignWords = /Invalid input|Too (?:big|small)|Unrecognized key|undefined|\[object/;

/** What is wrong with an answer; `undefined` where it is a result or OpenAI's error. */
function findFault(status: number, contentType: string | null, text: string): string | undefined {
  if (status === 200 && contentType?.startsWith("text/event-stream") === true) {
    return readChunks(text).length > 0 ? undefined : "an empty stream";
  }
  if (contentType !== "application/json; charset=utf-8") return `content type ${contentType}`;
  const answer = JSON.parse(text) as { choices?: unknown[]; error?: Record<string, unknown> };
  if (status === 200) return (answer.choices?.length ?? 0) > 0 ? undefined : "no choices";
  if (![400, 404, 413].includes(status)) return `status ${status}`;
  const { error = {} } = answer;
  const { message, type, param, code } = error;
  if (Object.keys(answer).join() !== "error" || Object.keys(error).join() !== errorKeys) {
    return "not the error's shape";
  }
  if (type !== "invalid_request_error") return "type";
  if (param !== null && typeof param !== "string") return "param";
  if (typeof code !== "string" || !/^[a-z_]+$/.test(code)) return "code";
  if (typeof message !== "string" || message.length > 600 || foreignWords.test(message)) return "message";
  return undefined;
}

test(`answers ${bodyCount} mutated bodies with a result or OpenAI's error, and goes on working`, async () => {
  const random = createRandom(20_240_607);
  const counts = new Map<number, number>();
  for (let done = 0; done < bodyCount; done += 20) {
    const batch = Array.from({ length: 20 }, (_, index) => {
      const isChat = index % 2 === 0;
      return {
        path: isChat ? "/v1/chat/completions" : "/v1/completions",
        text: makeText(random, isChat ? chatBody : completionBody),
      };
    });
    await Promise.all(
      batch.map(async ({ path, text }) => {
        const response = await server.post(path, text);
        const answer = await response.text();
        counts.set(response.status, (counts.get(response.status) ?? 0) + 1);
        const fault = findFault(response.status, response.headers.get("content-type"), answer);
        expect(
          fault,
          `${path} ${text.slice(0, 2000)} got ${response.status} ${answer.slice(0, 1000)}`,
        ).toBeUndefined();
      }),
    );
  }
  expect(counts.get(200)).toBeGreaterThan(bodyCount / 20);
  expect(counts.get(400)).toBeGreaterThan(bodyCount / 3);
  expect((await server.post("/v1/chat/completions", chatBody)).status).toBe(200);
});

test("bodies of the greatest size are answered", async () => {
  await using large = await startServer({ bodyLimitBytes: 2 * 2 ** 20 });
  const fill = (unit: string): string => unit.repeat(Math.floor(1_900_000 / unit.length));
  const head = `{"model":"${modelId}","messages":`;
  const texts = [
    fill("["),
    fill('{"a":'),
    `${head}[${fill("0,")}0]}`,
    `${head}[${fill("{},")}{}]}`,
    `${head}[{"role":"user","content":[${fill('{"type":"text"},')}{}]}]}`,
    `${head}[{"role":"user","content":"${fill("\\u00e9")}"}],"stop":[${'"x",'.repeat(9)}"y"],"max_tokens":1}`,
    `{"model":"${modelId}","prompt":[${fill("1,")}1]}`,
    `{"model":"${modelId}","prompt":[${fill('"a",')}"a"]}`,
    `{"model":"${modelId}","stop":[${fill('"a",')}"a"]}`,
    `{"model":"${modelId}","logit_bias":{${Array.from({ length: 100_000 }, (_, index) => `"${index}":"x"`).join(",")}}}`,
    `{${Array.from({ length: 100_000 }, (_, index) => `"k${index}":0`).join(",")}}`,
    `{"a":"${fill("x")}`,
    `{"a":${fill("9")}`,
    `${fill(" ")}x`,
    `{"${fill("k")}":1}`,
  ];
  for (const text of texts) {
    for (const path of ["/v1/chat/completions", "/v1/completions"]) {
      const response = await large.post(path, text);
      const fault = findFault(response.status, response.headers.get("content-type"), await response.text());
      expect(fault).toBeUndefined();
    }
  }
});
