import { describe, expect, test } from "vitest";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import {
  endlessNormalizer,
  endlessText,
  growingNormalizer,
  modelWithTemplate,
  modelWithTokenizer,
  withEndlessSplit,
} from "./support/odd-tokenizer.ts";
import { postJson, type JsonAnswer } from "../e2e/support/post-json.ts";

const model = "odd";

function serve(directory: string, ...args: readonly string[]): Promise<TestDaemon> {
  return startDaemon({ args: ["--model", directory, "--model-name", model, ...args] });
}

function complete(daemon: TestDaemon, prompt: string, signal?: AbortSignal): Promise<JsonAnswer> {
  return postJson(`${daemon.url}/v1/completions`, { model, prompt, max_tokens: 1, temperature: 0 }, signal);
}

function chat(daemon: TestDaemon, content: string): Promise<JsonAnswer> {
  const messages = [{ role: "user", content }];
  return postJson(`${daemon.url}/v1/chat/completions`, { model, messages, max_tokens: 1 });
}

function tokenize(daemon: TestDaemon, prompt: string, signal?: AbortSignal): Promise<JsonAnswer> {
  return postJson(`${daemon.url}/tokenize`, { prompt }, signal);
}

/** A prompt that its tokenizer cannot end fails by itself; whoever came with it is answered. */
async function expectAloneFails(
  daemon: TestDaemon,
  hostile: () => Promise<JsonAnswer>,
  error: { readonly code: string; readonly param: string },
): Promise<void> {
  const enginePid = daemon.enginePid();
  const answers = await Promise.all([
    hostile(),
    complete(daemon, "hello"),
    tokenize(daemon, "hello"),
    hostile(),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([400, 200, 200, 400]);
  expect(answers[0].body.error).toMatchObject(error);
  expect((await complete(daemon, "hello")).status).toBe(200);
  expect(daemon.enginePid()).toBe(enginePid);
  expect(daemon.logs.filter(({ msg }) => msg === "engine crashed")).toEqual([]);
}

describe("a tokenizer or chat template that runs out of hand", () => {
  test.each([
    ["a pattern of a Split", withEndlessSplit],
    ["a pattern of a normalizer", (json: object) => ({ ...json, normalizer: endlessNormalizer })],
  ] as const)("fails its own prompt alone: %s", async (_, edit: Parameters<typeof modelWithTokenizer>[0]) => {
    await using daemon = await serve(await modelWithTokenizer(edit), "--prompt-timeout", "1000");
    const timeout = { code: "prompt_timeout", param: "prompt" };
    await expectAloneFails(daemon, () => complete(daemon, endlessText), timeout);
    await expectAloneFails(daemon, () => tokenize(daemon, endlessText), timeout);
  });

  test("fails its own prompt alone: a normalizer that grows the text", async () => {
    const directory = await modelWithTokenizer((json) => ({ ...json, normalizer: growingNormalizer }));
    await using daemon = await serve(directory);
    await expectAloneFails(daemon, () => complete(daemon, "zzzz"), {
      code: "tokenizer_failed",
      param: "prompt",
    });
  });

  test.each([
    [
      "lists in lists",
      "{% set ns = namespace(x=['x']) %}{% for _ in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}",
    ],
    [
      "splits of a long text",
      "{% for _ in range(900000) %}{% set x = messages[0].content.split('b') %}{% endfor %}",
    ],
  ])("fails its own chat alone: %s", async (_, body) => {
    const end = "{% if ns is defined %}{{ ns.x }}{{ ns.x == ns.x }}{% endif %}";
    const template = `{% if messages[0].content | length > 20 %}${body}${end}{% endif %}{{ messages[0].content }}`;
    await using daemon = await serve(await modelWithTemplate(template), "--prompt-timeout", "2000");
    const enginePid = daemon.enginePid();
    const [hostile, honest] = await Promise.all([chat(daemon, "ab".repeat(100_000)), chat(daemon, "hello")]);
    expect(hostile.status).toBe(400);
    expect(hostile.body.error?.param).toBe("messages");
    expect(honest.status).toBe(200);
    expect(daemon.enginePid()).toBe(enginePid);
  });
});

describe("a flood of prompts", () => {
  test("of calls that only tokenize does not hold an answer up", async () => {
    const directory = await modelWithTokenizer(withEndlessSplit);
    await using daemon = await serve(directory, "--prompt-timeout", "1000");
    // Each keeps one of two threads for a second.
    const floodSize = 60;
    const leave = new AbortController();
    let answeredCount = 0;
    const flood = Array.from({ length: floodSize }, async () => {
      await tokenize(daemon, endlessText, leave.signal);
      answeredCount += 1;
    });
    const settled = Promise.allSettled(flood);
    await daemon.waitForLog(({ msg, route }) => msg === "request" && route === "/tokenize");
    expect((await complete(daemon, "hello")).status).toBe(200);
    // Each thread may have gone on to another one before.
    expect(answeredCount).toBeLessThan(floodSize / 4);
    leave.abort();
    await settled;
  });

  test("is bounded and counted, answers and calls that only tokenize apart; a client that leaves makes room", async () => {
    const directory = await modelWithTokenizer(withEndlessSplit);
    const limits = ["--max-sequences", "1", "--max-queued-requests", "2"];
    // Two prompts that never end keep both threads: what comes after them waits.
    await using daemon = await serve(directory, "--prompt-timeout", "600000", ...limits);
    const leave = new AbortController();
    const settled: Promise<unknown>[] = [];
    const begin = async (call: Promise<JsonAnswer>, waitingCount: number): Promise<void> => {
      settled.push(call.catch((error: unknown) => error));
      await daemon.waitForMetric("vllm:num_requests_waiting", waitingCount);
    };
    await begin(complete(daemon, endlessText, leave.signal), 1);
    await begin(complete(daemon, endlessText, leave.signal), 2);
    const last = new AbortController();
    await begin(complete(daemon, "hello", last.signal), 3);
    const refused = await complete(daemon, "hello");
    expect([refused.status, refused.body.error?.code]).toEqual([429, "queue_full"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    await begin(tokenize(daemon, "hello", leave.signal), 4);
    await begin(tokenize(daemon, "hello", leave.signal), 5);
    expect((await tokenize(daemon, "hello")).status).toBe(429);
    last.abort();
    await daemon.waitForMetric("vllm:num_requests_waiting", 4);
    await begin(complete(daemon, "hello", leave.signal), 5);
    leave.abort();
    await Promise.all(settled);
    await daemon.waitForMetric("vllm:num_requests_waiting", 0);
  });

  test("a prompt that is more than all that may wait leaves room for small ones", async () => {
    const directory = await modelWithTokenizer(withEndlessSplit);
    await using daemon = await serve(directory, "--prompt-timeout", "600000", "--max-queued-tokens", "8");
    const leave = new AbortController();
    const large = complete(daemon, endlessText.repeat(4), leave.signal).catch((error: unknown) => error);
    await daemon.waitForMetric("vllm:num_requests_waiting", 1);
    expect((await complete(daemon, "hi")).status).toBe(200);
    expect((await complete(daemon, "hello hello")).status).toBe(429);
    leave.abort();
    await large;
  });
});
