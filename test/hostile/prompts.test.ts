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

/** A flood of calls that only tokenize does not hold an answer up. */
async function expectAnswerInFlood(daemon: TestDaemon): Promise<void> {
  // Each keeps one of two threads for a second.
  const floodSize = 60;
  const countTokenized = (): number =>
    daemon.logs.filter(({ msg, route }) => msg === "request" && route === "/tokenize").length;
  const tokenizedBefore = countTokenized();
  const leave = new AbortController();
  let answeredCount = 0;
  const flood = Array.from({ length: floodSize }, async () => {
    await tokenize(daemon, endlessText, leave.signal);
    answeredCount += 1;
  });
  const settled = Promise.allSettled(flood);
  await daemon.waitForLog(() => countTokenized() > tokenizedBefore);
  expect((await complete(daemon, "hello")).status).toBe(200);
  // Each thread may have gone on to another one before.
  expect(answeredCount).toBeLessThan(floodSize / 4);
  leave.abort();
  await settled;
}

describe("a tokenizer or chat template that runs out of hand", () => {
  const timeout = { code: "prompt_timeout", param: "prompt" };

  test("fails its own prompt alone: a pattern of a Split; a flood of them holds no answer up", async () => {
    const directory = await modelWithTokenizer(withEndlessSplit);
    await using daemon = await serve(directory, "--prompt-timeout", "1000");
    await expectAloneFails(daemon, () => complete(daemon, endlessText), timeout);
    await expectAloneFails(daemon, () => tokenize(daemon, endlessText), timeout);
    await expectAnswerInFlood(daemon);
  });

  test("fails its own prompt alone: a pattern of a normalizer", async () => {
    const directory = await modelWithTokenizer((json) => ({ ...json, normalizer: endlessNormalizer }));
    await using daemon = await serve(directory, "--prompt-timeout", "1000");
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

  const bodies = {
    "lists in lists":
      "{% set ns = namespace(x=['x']) %}{% for _ in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}",
    "splits of a long text":
      "{% for _ in range(900000) %}{% set x = messages[0].content.split('b') %}{% endfor %}",
  };
  test("fails its own chat alone, whatever its template does", async () => {
    const end = "{% if ns is defined %}{{ ns.x }}{{ ns.x == ns.x }}{% endif %}";
    const branches = Object.entries(bodies).map(
      ([name, body]) => `{% if messages[0].content.startswith('${name}') %}${body}${end}{% endif %}`,
    );
    const template = `${branches.join("")}{{ messages[0].content }}`;
    await using daemon = await serve(await modelWithTemplate(template), "--prompt-timeout", "2000");
    const enginePid = daemon.enginePid();
    for (const name of Object.keys(bodies)) {
      const [hostile, honest] = await Promise.all([
        chat(daemon, name + "ab".repeat(100_000)),
        chat(daemon, "hello"),
      ]);
      expect([name, hostile.status, hostile.body.error?.param]).toEqual([name, 400, "messages"]);
      expect(honest.status).toBe(200);
    }
    expect(daemon.enginePid()).toBe(enginePid);
  });
});

describe("a flood of prompts", () => {
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
