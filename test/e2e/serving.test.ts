import { monitorEventLoopDelay } from "node:perf_hooks";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRaw, rawPost } from "../hostile/support/raw-connection.ts";
import { postJson } from "./support/post-json.ts";
import { pauseEngine } from "./support/pause-engine.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";
import { startEndless } from "./support/start-for-test.ts";
import { createClient, streamCompletion } from "./support/stream-chat.ts";
import { untilRead } from "./support/until-read.ts";

let daemon: TestDaemon;
let client: OpenAI;
let model: string;

beforeAll(async () => {
  // The limit that follows from a small context is below the megabytes that one test sends.
  const limits = ["--max-sequences", "4", "--max-queued-requests", "2", "--body-limit", "8MiB"];
  daemon = await startDaemon({ args: limits });
  client = createClient(daemon.url);
  model = (await client.models.list()).data[0]?.id ?? "";
});
afterAll(() => daemon[Symbol.asyncDispose]());

async function post<Answer = unknown>(path: string, body: unknown): Promise<Answer> {
  const answer = await postJson(daemon.url + path, body);
  expect(answer.status).toBe(200);
  return answer.body as Answer;
}

const story = [{ role: "user" as const, content: "Tell me a short story about a fox." }];

describe("with the openai client", () => {
  test("lists the embedded model", () => {
    expect(model).toBe("infernode-stories");
  });

  test("chats, and says the same with the same seed", async () => {
    const ask = () => client.chat.completions.create({ model, messages: story, seed: 7, temperature: 1 });
    const [first, second] = [await ask(), await ask()];
    const [choice] = first.choices;
    expect(choice?.message.content?.length).toBeGreaterThan(20);
    expect(choice?.finish_reason).toBe("stop");
    expect(second.choices[0]?.message.content).toBe(choice?.message.content);
    expect(first.usage?.completion_tokens).toBeGreaterThan(5);
  });

  test("streams what it would say at once", async () => {
    const options = { model, messages: story, temperature: 0, max_tokens: 60 };
    const whole = await client.chat.completions.create(options);
    const stream = await client.chat.completions.create({
      ...options,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let chunkCount = 0;
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      chunkCount += 1;
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(usage).toEqual(whole.usage);
    expect(chunkCount).toBeGreaterThan(5);
  });

  test("completes a text", async () => {
    const completion = await client.completions.create({
      model,
      prompt: "Once upon a time",
      max_tokens: 12,
      temperature: 0,
    });
    expect(completion.choices[0]?.text.length).toBeGreaterThan(5);
    expect(completion.usage?.completion_tokens).toBeLessThanOrEqual(12);
  });

  test("rates a text as it wrote it, as evaluation harnesses ask", async () => {
    const written = await client.completions.create({
      model,
      prompt: "Once upon a time",
      max_tokens: 8,
      temperature: 0,
      logprobs: 1,
    });
    const [answer] = written.choices;
    const text = `Once upon a time${answer?.text}`;
    const { tokens } = await post<{ tokens: number[] }>("/tokenize", { prompt: text });
    for (const prompt of [text, tokens]) {
      const rated = await client.completions.create({
        model,
        prompt,
        max_tokens: 0,
        echo: true,
        logprobs: 1,
      });
      const [choice] = rated.choices;
      expect(choice?.text.endsWith(text)).toBe(true);
      expect(rated.usage).toMatchObject({ prompt_tokens: tokens.length, completion_tokens: 0 });
      expect(choice?.logprobs?.token_logprobs?.[0]).toBeNull();
      expect(choice?.logprobs?.tokens?.slice(-8)).toEqual(answer?.logprobs?.tokens);
      const [before, after] = [answer, choice].map((each) => each?.logprobs?.token_logprobs?.slice(-8) ?? []);
      expect(after).toHaveLength(8);
      for (const [index, value] of (after ?? []).entries()) {
        expect(value).toBeCloseTo(before?.[index] ?? 0, 3);
      }
    }
  });

  test("makes tokens of a text, and text of the tokens", async () => {
    const prompt = "naïve 🦊 fox";
    const options = { prompt, add_special_tokens: false, return_token_strs: true };
    const { tokens, token_strs: strings } = await post<{ tokens: number[]; token_strs: string[] }>(
      "/tokenize",
      options,
    );
    expect(strings).toHaveLength(tokens.length);
    expect(await post("/detokenize", { tokens })).toEqual({ prompt });
  });

  test("goes on with a message that is left open", async () => {
    const messages = [...story, { role: "assistant", content: "Once upon a" }];
    const { tokens } = await post<{ tokens: number[] }>("/tokenize", {
      messages,
      continue_final_message: true,
    });
    const { prompt } = await post<{ prompt: string }>("/detokenize", { tokens });
    expect(prompt.endsWith("Once upon a")).toBe(true);
    const answer = await post<OpenAI.ChatCompletion>("/v1/chat/completions", {
      model,
      messages,
      continue_final_message: true,
      max_tokens: 1,
      temperature: 0,
    });
    expect(answer.choices[0]?.message.content).toBe(" time");
  });

  test("refuses a prompt that is longer than the context", async () => {
    const long = client.completions.create({ model, prompt: "once upon a time ".repeat(400) });
    await expect(long).rejects.toMatchObject({ status: 400, code: "context_length_exceeded" });
  });

  test("refuses a text of a megabyte without tokenizing it for long", async () => {
    const huge = client.completions.create({ model, prompt: "abcdefgh ".repeat(120_000) });
    await expect(huge).rejects.toMatchObject({ status: 400, code: "context_length_exceeded" });
    expect(daemon.logs.some(({ msg }) => msg === "engine crashed")).toBe(false);
  });

  test("answers many at once as it answers one alone", async () => {
    const ask = (content: string) =>
      client.chat.completions
        .create({ model, messages: [{ role: "user", content }], temperature: 0, max_tokens: 24 })
        .then((answer) => answer.choices[0]?.message.content);
    const prompts = ["fox", "owl", "cat"].map((animal) => `Tell me a story about a ${animal}.`);
    const alone: unknown[] = [];
    for (const prompt of prompts) alone.push(await ask(prompt));
    expect(await Promise.all(prompts.map(ask))).toEqual(alone);
  });
});

describe("a body of megabytes", () => {
  const post = (body: string) =>
    fetch(`${daemon.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });

  test("is read in a thread that says the same as the event loop would", async () => {
    const body = (prompt: string) => `{"model":"${model}",\n"user":"${"é".repeat(2_000_000)}",\n${prompt}`;
    const [whole, broken, half] = await Promise.all(
      ['"prompt":"Once","max_tokens":2}', '"prompt":Once}', '"prompt":"\\ud83d"}'].map(async (rest) => {
        const response = await post(body(rest));
        return { status: response.status, answer: await response.json() };
      }),
    );
    expect(whole).toMatchObject({ status: 200, answer: { choices: [{ finish_reason: "length" }] } });
    const error = { type: "invalid_request_error", code: "invalid_json" };
    const place = "expected a value at line 3, column 10";
    expect(broken).toMatchObject({
      status: 400,
      answer: { error: { ...error, param: null, message: expect.stringContaining(place) } },
    });
    expect(half).toMatchObject({ status: 400, answer: { error: { ...error, param: "prompt" } } });
  });
});

describe("under load", () => {
  test("stops the engine's work when the client leaves", async () => {
    const endless = await startEndless();
    const running = streamCompletion(createClient(endless.url), { model: "endless", maxTokens: 60_000 });
    await running.started;
    running.abort();
    // The client ends the loop without an error.
    expect((await running.ended).finishReason).toBeUndefined();
    await endless.waitForMetric("vllm:num_requests_running", 0);
    const aborted = await endless.metric("vllm:request_success_total", 'finished_reason="abort"');
    expect(aborted).toBeGreaterThanOrEqual(1);
  });

  test("refuses what the queue cannot hold with 429 and Retry-After, and finishes the rest", async () => {
    const body = { model, prompt: "Once", max_tokens: 200, ignore_eos: true };
    // None is over before all have come.
    const resume = pauseEngine(daemon);
    const connections = await Promise.all(
      Array.from({ length: 16 }, () =>
        openRaw(daemon.url, rawPost("/v1/completions", body, ["connection: close"])),
      ),
    );
    await untilRead(daemon);
    resume();
    const answers = await Promise.all(connections.map(async ({ closed }) => (await closed).text));
    const finished = answers.filter((text) => text.startsWith("HTTP/1.1 200 "));
    const refused = answers.filter((text) => !finished.includes(text));
    expect(finished.length).toBeGreaterThanOrEqual(4);
    for (const text of finished) expect(text).toContain('"finish_reason":"length"');
    expect(refused.length).toBeGreaterThan(0);
    for (const text of refused) expect(text).toMatch(/^HTTP\/1\.1 429 [^]*\r\nretry-after: [1-9]/i);
  });

  test("keeps the event loop of the daemon free", async () => {
    await fetch(`${daemon.url}/metrics`).then((response) => response.text());
    const ownDelay = monitorEventLoopDelay({ resolution: 10 });
    ownDelay.enable();
    await Promise.all(
      Array.from({ length: 4 }, () => streamCompletion(client, { model, maxTokens: 200 }).ended),
    );
    ownDelay.disable();
    const delayMs = 1000 * (await daemon.metric("infernode_event_loop_delay_seconds", 'percentile="99"'));
    process.stderr.write(
      `event loop delay of the daemon under load, 99th percentile: ${delayMs.toFixed(1)} ms\n`,
    );
    // A machine that is busy with other things delays every process.
    expect(delayMs).toBeLessThan(250 + ownDelay.percentile(99) / 1e6);
  });
});
