import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { APICallError, generateText, streamText } from "ai";
import OpenAI, { NotFoundError, RateLimitError } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createResolvers } from "../../packages/backend/src/create-resolvers.ts";
import { makeEndlessModel, type EndlessModel } from "./support/make-endless-model.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";
import { createClient, streamCompletion } from "./support/stream-chat.ts";

interface Attempt {
  readonly startedAtMs: number;
  endedAtMs: number;
  status: number;
  /** What the answer says: the server's milliseconds, else its seconds. */
  waitMs: number;
}

interface ClientOptions {
  readonly model: string;
  readonly fetch: typeof fetch;
  readonly maxRetries: number;
  readonly content?: string;
}

/** Asks for a few tokens and resolves with the text. The base URL is of no matter: `fetch` knows where to go. */
type Ask = (options: ClientOptions) => Promise<string>;

const baseURL = "http://infernode.invalid/v1";
const story = "Tell me of a fox.";

const asks = {
  openai: async ({ model, fetch, maxRetries, content = story }) => {
    const client = new OpenAI({ baseURL, apiKey: "none", fetch, maxRetries });
    const answer = await client.chat.completions.create({
      model,
      messages: [{ role: "user", content }],
      max_tokens: 4,
    });
    return answer.choices[0]?.message.content ?? "";
  },
  ai: async ({ model, fetch, maxRetries, content = story }) => {
    const provider = createOpenAICompatible({ name: "infernode", baseURL, fetch });
    const answer = await generateText({
      model: provider(model),
      prompt: content,
      maxOutputTokens: 4,
      maxRetries,
    });
    return answer.text;
  },
  langchain: async ({ model, fetch, maxRetries, content = story }) => {
    const chat = new ChatOpenAI({
      model,
      apiKey: "none",
      maxTokens: 4,
      maxRetries,
      configuration: { baseURL, fetch },
    });
    return (await chat.invoke(content)).text;
  },
} satisfies Readonly<Record<string, Ask>>;

type ClientName = keyof typeof asks;
const names = Object.keys(asks) as ClientName[];

/** A `fetch` that notes what came of each attempt, and sends each where it is told; refusals come late if `held`. */
function createRecorder(urlOf: (attempt: number) => string, held: Promise<void> = Promise.resolve()) {
  const attempts: Attempt[] = [];
  let tellRefused = (): void => undefined;
  const refused = new Promise<void>((resolve) => {
    tellRefused = resolve;
  });
  const record: typeof fetch = async (input, init) => {
    const attempt: Attempt = { startedAtMs: performance.now(), endedAtMs: 0, status: 0, waitMs: 0 };
    const path = new URL(input instanceof Request ? input.url : input).pathname;
    const response = await fetch(urlOf(attempts.push(attempt) - 1) + path, init);
    const { status, headers } = response;
    attempt.status = status;
    attempt.waitMs = Number(headers.get("retry-after-ms") ?? 1000 * Number(headers.get("retry-after")));
    if (status >= 400) {
      tellRefused();
      await held;
    }
    attempt.endedAtMs = performance.now();
    return response;
  };
  return { attempts, refused, fetch: record };
}

let endless: EndlessModel;
let daemon: TestDaemon;
const model = "endless";
const start = (...args: readonly string[]): Promise<TestDaemon> =>
  startDaemon({
    args: ["--model", endless.directory, "--model-name", model, "--max-sequences", "1", ...args],
  });

beforeAll(async () => {
  endless = await makeEndlessModel(65_536);
  daemon = await start("--max-queued-requests", "3");
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await endless[Symbol.asyncDispose]();
});

/** Takes every place of the daemon until it is told to leave. */
async function occupy(): Promise<() => void> {
  const client = createClient(daemon.url);
  const streams = Array.from({ length: 4 }, () => streamCompletion(client, { model, maxTokens: 60_000 }));
  for (const { ended } of streams) ended.catch(() => undefined);
  await daemon.waitForMetric("vllm:num_requests_waiting", 3);
  return () => {
    for (const stream of streams) stream.abort();
  };
}

/** The error that a client throws. */
async function failure(name: ClientName, options: Partial<ClientOptions>): Promise<Record<string, unknown>> {
  const { fetch } = createRecorder(() => daemon.url);
  try {
    await asks[name]({ model, fetch, maxRetries: 0, ...options });
  } catch (error) {
    return error as Record<string, unknown>;
  }
  throw new Error(`${name} was to be refused, and was answered`);
}

/** Clients that wait as long as they are told; the other one waits as long as it likes. */
const obedient: ReadonlySet<ClientName> = new Set(["openai", "ai"] as const);

function expectOneRetry(
  name: ClientName,
  [first, second, ...rest]: readonly Attempt[],
  status: number,
): void {
  expect({ name, statuses: [first?.status, second?.status], rest }).toEqual({
    name,
    statuses: [status, 200],
    rest: [],
  });
  if (!obedient.has(name)) return;
  const waitedMs = (second?.startedAtMs ?? 0) - (first?.endedAtMs ?? 0);
  // A timer may fire a fraction of a millisecond early.
  expect(waitedMs).toBeGreaterThan((first?.waitMs ?? Infinity) - 2);
}

function askThrough(name: ClientName, urlOf: (attempt: number) => string, held?: Promise<void>) {
  const { attempts, refused, fetch } = createRecorder(urlOf, held);
  return { name, attempts, refused, answer: asks[name]({ model, fetch, maxRetries: 3 }) };
}

describe("a full queue", () => {
  test("is asked again by every client, by those who listen after the time that they were told", async () => {
    const leave = await occupy();
    // No client asks again before there is room for all of them.
    const hasRoom = createResolvers<void>();
    const asked = names.map((name) => askThrough(name, () => daemon.url, hasRoom.promise));
    await Promise.all(asked.map(({ refused }) => refused));
    leave();
    await daemon.waitForMetric("vllm:num_requests_running", 0);
    await daemon.waitForMetric("vllm:num_requests_waiting", 0);
    hasRoom.resolve();
    for (const { name, answer, attempts } of asked) {
      expect(await answer).not.toBe("");
      expectOneRetry(name, attempts, 429);
    }
  });

  test("is each client's own error of that kind", async () => {
    const leave = await occupy();
    expect(await failure("openai", {})).toBeInstanceOf(RateLimitError);
    const ai = await failure("ai", {});
    expect(ai).toBeInstanceOf(APICallError);
    expect(ai).toMatchObject({ statusCode: 429, isRetryable: true });
    expect(await failure("langchain", {})).toMatchObject({ status: 429, lc_error_code: "MODEL_RATE_LIMIT" });
    leave();
    await daemon.waitForMetric("vllm:num_requests_running", 0);
  });
});

describe("a daemon that drains", () => {
  test("is left by every client for one that does not", async () => {
    await using draining = await start();
    const running = streamCompletion(createClient(draining.url), { model, maxTokens: 60_000 });
    running.ended.catch(() => undefined);
    await running.started;
    draining.signal("SIGTERM");
    await draining.waitForLog(({ msg }) => msg === "draining");
    const asked = names.map((name) =>
      askThrough(name, (attempt) => (attempt === 0 ? draining.url : daemon.url)),
    );
    for (const { name, answer, attempts } of asked) {
      expect(await answer).not.toBe("");
      expectOneRetry(name, attempts, 503);
    }
  });
});

describe("what can never succeed", () => {
  test("is asked once, and is each client's own error of that kind", async () => {
    const { attempts, fetch } = createRecorder(() => daemon.url);
    const never = { fetch, maxRetries: 3 };
    const unknown = { ...never, model: "another" };
    expect(await failure("openai", unknown)).toBeInstanceOf(NotFoundError);
    expect(await failure("ai", unknown)).toMatchObject({ statusCode: 404, isRetryable: false });
    expect(await failure("langchain", unknown)).toMatchObject({ lc_error_code: "MODEL_NOT_FOUND" });
    const long = { ...never, content: "fox ".repeat(80_000) };
    expect(await failure("openai", long)).toMatchObject({ status: 400, code: "context_length_exceeded" });
    expect(await failure("ai", long)).toMatchObject({
      statusCode: 400,
      message: expect.stringContaining("maximum context length"),
    });
    expect((await failure("langchain", long))["name"]).toBe("ContextOverflowError");
    expect(attempts.map(({ status }) => status)).toEqual([404, 404, 404, 400, 400, 400]);
  });
});

describe("a stream", () => {
  test("of the AI SDK has text, a reason and usage", async () => {
    const provider = createOpenAICompatible({
      name: "infernode",
      baseURL: `${daemon.url}/v1`,
      includeUsage: true,
    });
    const stream = streamText({ model: provider(model), prompt: story, maxOutputTokens: 12 });
    let text = "";
    for await (const part of stream.textStream) text += part;
    expect(text).not.toBe("");
    expect(await stream.finishReason).toBe("length");
    expect(await stream.usage).toMatchObject({ outputTokens: 12, inputTokens: expect.any(Number) });
  });

  test("of LangChain has text, a reason and usage, and stops the engine where it is left", async () => {
    const configuration = { baseURL: `${daemon.url}/v1` };
    const chat = new ChatOpenAI({ model, apiKey: "none", maxTokens: 12, configuration });
    let text = "";
    let usage: unknown;
    let reason: unknown;
    for await (const chunk of await chat.stream(story)) {
      text += chunk.text;
      usage = chunk.usage_metadata ?? usage;
      reason = chunk.response_metadata["finish_reason"] ?? reason;
    }
    expect(text).not.toBe("");
    expect(reason).toBe("length");
    expect(usage).toMatchObject({ output_tokens: 12 });
    const long = new ChatOpenAI({ model, apiKey: "none", maxTokens: 60_000, configuration });
    for await (const { text: first } of await long.stream(story)) if (first !== "") break;
    await daemon.waitForMetric("vllm:num_requests_running", 0);
  });
});
