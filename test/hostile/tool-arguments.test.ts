import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postJson, type JsonAnswer } from "../e2e/support/post-json.ts";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";

const model = "infernode-stories";
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon({ args: ["--body-limit", String(2 ** 23)] });
});
afterAll(() => daemon[Symbol.asyncDispose]());

const post = (path: string, body: unknown): Promise<JsonAnswer> => postJson(daemon.url + path, body);

const callsWith = (...texts: readonly string[]) => ({
  role: "assistant",
  content: "",
  tool_calls: texts.map((text, index) => ({
    id: `call-${index}`,
    type: "function",
    function: { name: "f", arguments: text },
  })),
});
const chat = (...messages: readonly unknown[]) => ({
  model,
  max_tokens: 1,
  messages: [{ role: "user", content: "Hi" }, ...messages, { role: "user", content: "Go on" }],
});
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
const list = (count: number): string => `[${"1,".repeat(count - 1)}1]`;

describe("JSON texts inside of a request", () => {
  const argumentsField = "messages[1].tool_calls[0].function.arguments";
  test.each([
    ["objects 2,000 deep", nested(2000), "64 levels"],
    ["objects 100,000 deep", nested(100_000), "64 levels"],
    ["arrays 65 deep", "[".repeat(65) + "]".repeat(65), "64 levels"],
    ["brackets that never close", '{"a":'.repeat(2000), "64 levels"],
    ["50,000 objects", `[${"{},".repeat(49_999)}{}]`, "40000 arrays, objects and keys"],
    ["1,000,001 elements", list(1_000_001), "1000000 elements"],
  ])("are refused by the field's name with %s", async (_, text, limit) => {
    for (const path of ["/v1/chat/completions", "/tokenize"]) {
      const { max_tokens: _unused, ...body } = chat(callsWith(text));
      const answer = await post(path, body);
      const { error } = answer.body;
      expect([answer.status, error?.param, error?.code]).toEqual([400, argumentsField, "invalid_json"]);
      expect(error?.message).toContain(`Invalid value for \`${argumentsField}\`: expected `);
      expect(error?.message).toContain(limit);
    }
  });

  test("have the body's limits together", async () => {
    const texts = Array.from({ length: 3 }, () => list(400_000));
    const { max_tokens: _unused, ...body } = chat(callsWith(texts[0] ?? ""), callsWith(...texts.slice(1)));
    const over = await post("/tokenize", body);
    expect([over.status, over.body.error?.param]).toEqual([
      400,
      "messages[2].tool_calls[1].function.arguments",
    ]);
  });

  test("are read up to the limit", async () => {
    for (const text of [
      nested(64),
      "{}",
      "not JSON",
      "",
      '"a text"',
      "1.0",
      '{"a": "' + "[".repeat(500) + '"}',
    ]) {
      expect((await post("/v1/chat/completions", chat(callsWith(text)))).status).toBe(200);
    }
  });

  test("leave the engine as it was", async () => {
    const engine = daemon.enginePid();
    await Promise.all(
      Array.from({ length: 20 }, () => post("/v1/chat/completions", chat(callsWith(nested(2000))))),
    );
    const { status } = await post("/v1/chat/completions", chat());
    expect(status).toBe(200);
    expect(daemon.enginePid()).toBe(engine);
    expect(daemon.logs.filter(({ level }) => level >= 40)).toEqual([]);
  });
});
