import { afterAll, beforeAll, expect, test } from "vitest";
import { postJson } from "./support/post-json.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

const model = "infernode-stories";
const messages = [{ role: "user", content: "Hello" }];
const routes: readonly (readonly [path: string, body: object])[] = [
  ["/v1/chat/completions", { model, messages, max_tokens: 1 }],
  ["/v1/completions", { model, prompt: "Hello", max_tokens: 1 }],
  ["/v1/responses", { model, input: "Hello", max_output_tokens: 1 }],
  ["/v1/messages", { model, messages, max_tokens: 1 }],
  ["/v1/messages/count_tokens", { model, messages }],
  ["/tokenize", { model, prompt: "Hello" }],
  ["/detokenize", { model, tokens: [1] }],
];
const generating = routes.slice(0, 4);

let strict: TestDaemon;
let lenient: TestDaemon;
beforeAll(async () => {
  [strict, lenient] = await Promise.all([startDaemon(), startDaemon({ args: ["--lenient", "true"] })]);
});
afterAll(async () => {
  await strict[Symbol.asyncDispose]();
  await lenient[Symbol.asyncDispose]();
});

test.each(routes)(
  "%s refuses an unknown name, with the nearest one, or leaves it out and says so",
  async (path, body) => {
    const given = { ...body, modell: model };
    const refused = await postJson(strict.url + path, given);
    expect(refused.status).toBe(400);
    expect(refused.body.error?.message).toContain("`modell`; did you mean `model`?");
    const taken = await postJson(lenient.url + path, given);
    expect(taken.status).toBe(200);
    expect(taken.headers.get("x-infernode-ignored-parameters")).toBe("modell");
    await lenient.waitForLog(({ msg }) => msg === "parameters were ignored");
  },
);

test.each(generating)(
  "%s refuses what decides the form of an answer, also where it is lenient",
  async (path, body) => {
    for (const daemon of [strict, lenient]) {
      const { status, body: answer } = await postJson(daemon.url + path, { ...body, guided_json: {} });
      expect(status).toBe(400);
      expect(answer.error?.message).toContain("`guided_json`");
    }
  },
);

test("samplers that no two servers define alike are refused by name", async () => {
  const samplers = { typical_p: 0.9, xtc_probability: 0.1, dry_multiplier: 1, mirostat: 2 };
  for (const [name, value] of Object.entries(samplers)) {
    const { status, body } = await postJson(`${strict.url}/v1/completions`, {
      model,
      prompt: "a",
      [name]: value,
    });
    expect({ status, param: body.error?.param, code: body.error?.code }).toEqual({
      status: 400,
      param: name,
      code: "unsupported_parameter",
    });
  }
});

test("names without effect are taken by all of OpenAI's routes", async () => {
  const names = { user: "u", metadata: { a: "b" }, service_tier: "default", store: false };
  for (const [path, body] of routes.slice(0, 3)) {
    const { status } = await postJson(strict.url + path, { ...body, ...names });
    expect(status).toBe(200);
  }
});
