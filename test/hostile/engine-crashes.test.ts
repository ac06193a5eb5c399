import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pauseEngine } from "../e2e/support/pause-engine.ts";
import { postJson, type JsonAnswer } from "../e2e/support/post-json.ts";
import type { TestDaemon } from "../e2e/support/start-daemon.ts";
import { startForTest } from "../e2e/support/start-for-test.ts";
import { createClient, streamCompletion } from "../e2e/support/stream-chat.ts";
import { untilRead } from "../e2e/support/until-read.ts";
import { faultyEngine, killedAtEvent, poison, stopper } from "./support/engine-faults.ts";
import { makeFolder } from "./support/odd-checkpoint.ts";
import { openRaw, rawPost } from "./support/raw-connection.ts";

const model = "infernode-stories";
async function post(
  daemon: TestDaemon,
  path: string,
  body: unknown,
): Promise<Pick<JsonAnswer, "status" | "body">> {
  const answer = await postJson(daemon.url + path, body);
  return { status: answer.status, body: answer.body };
}

const crashesOf = ({ logs }: TestDaemon) => logs.filter(({ msg }) => msg === "engine crashed");

/** Kills the present engine, and resolves when the next one is ready. */
async function killEngine(daemon: TestDaemon): Promise<void> {
  const pid = daemon.enginePid();
  process.kill(pid, "SIGKILL");
  await daemon.waitForLog(({ msg }) => msg === "engine restarted" && daemon.enginePid() !== pid);
}

async function untilTokens(daemon: TestDaemon): Promise<void> {
  while ((await daemon.metric("vllm:generation_tokens_total")) === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a request that crashes the engine fails alone, and those of its kind do not end the daemon", async () => {
  const daemon = await startForTest({ environment: faultyEngine, args: ["--max-restarts", "2"] });
  const honest = Array.from({ length: 6 }, (_, index) =>
    post(daemon, "/v1/completions", { model, prompt: `Once ${index}`, max_tokens: 60, ignore_eos: true }),
  );
  await untilTokens(daemon);
  const poisoned = post(daemon, "/v1/completions", { model, prompt: poison, max_tokens: 4 });
  expect(await poisoned).toMatchObject({ status: 500, body: { error: { code: "engine_crashed" } } });
  for (const each of honest) {
    expect(await each).toMatchObject({ status: 200, body: { usage: { completion_tokens: 60 } } });
  }
  expect(crashesOf(daemon)).toHaveLength(2);
  // A stopped engine reads nothing before it has both.
  const resume = pauseEngine(daemon);
  const close = ["connection: close"];
  const together = await Promise.all([
    openRaw(daemon.url, rawPost("/tokenize", { prompt: poison }, close)),
    openRaw(
      daemon.url,
      rawPost(
        "/v1/chat/completions",
        { model, messages: [{ role: "user", content: poison }], stream: true },
        close,
      ),
    ),
  ]);
  await untilRead(daemon);
  resume();
  for (const { closed } of together) expect((await closed).text).toMatch(/^HTTP\/1\.1 500 /);
  await daemon.waitForLog(({ msg, restartCount }) => msg === "engine restarted" && restartCount === 5);
  expect(crashesOf(daemon)).toHaveLength(2 + 1 + 2);
  expect((await post(daemon, "/v1/completions", { model, prompt: "Once", max_tokens: 4 })).status).toBe(200);
  expect((await fetch(`${daemon.url}/health/ready`)).status).toBe(200);
});

test("a request that blocks the engine fails alone: it is ended twice, and those beside it are answered", async () => {
  const args = ["--max-restarts", "1", "--hang-after", "3000"];
  const daemon = await startForTest({ environment: faultyEngine, args });
  const body = { model, prompt: "Once", max_tokens: 60, ignore_eos: true };
  const honest = Array.from({ length: 3 }, () => post(daemon, "/v1/completions", body));
  await untilTokens(daemon);
  const stopped = post(daemon, "/v1/completions", { model, prompt: stopper });
  expect(await stopped).toMatchObject({ status: 500, body: { error: { code: "engine_crashed" } } });
  for (const each of honest) expect(await each).toMatchObject({ status: 200 });
  expect(daemon.logs.filter(({ msg }) => msg === "engine hung")).toHaveLength(2);
  expect((await post(daemon, "/v1/completions", body)).status).toBe(200);
});

describe("an engine that is killed again and again", () => {
  test("is started again as often as it serves between, and given up when it does not", async () => {
    const daemon = await startForTest({ args: ["--max-restarts", "1"] });
    for (let count = 0; count < 3; count += 1) {
      expect((await post(daemon, "/v1/completions", { model, prompt: "Once", max_tokens: 2 })).status).toBe(
        200,
      );
      await killEngine(daemon);
    }
    expect((await fetch(`${daemon.url}/health/ready`)).status).toBe(200);
    process.kill(daemon.enginePid(), "SIGKILL");
    expect(await daemon.exited).toMatchObject({ exitCode: 4 });
    expect(crashesOf(daemon)).toHaveLength(3 + 1);
  });

  test("loses no request of many clients in silence", async () => {
    const daemon = await startForTest();
    const over = new AbortController();
    const outcomes = { answered: 0, failed: 0 };
    const whole = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const { status, body } = await post(daemon, "/v1/completions", {
          model,
          prompt: "Once",
          max_tokens: 40,
          ignore_eos: true,
        });
        if (status === 200) {
          expect(body).toMatchObject({ usage: { completion_tokens: 40 } });
        } else {
          expect({ status, body }).toMatchObject({
            status: 500,
            body: { error: { code: "engine_crashed" } },
          });
        }
        outcomes[status === 200 ? "answered" : "failed"] += 1;
      }
    };
    const streamed = async (): Promise<void> => {
      const client = createClient(daemon.url);
      while (!over.signal.aborted) {
        const [ended] = await Promise.allSettled([streamCompletion(client, { model, maxTokens: 40 }).ended]);
        if (ended.status === "fulfilled") expect(ended.value.finishReason).toBe("length");
        else expect(ended.reason).toMatchObject({ code: "engine_crashed" });
        outcomes[ended.status === "fulfilled" ? "answered" : "failed"] += 1;
      }
    };
    const clients = Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? whole() : streamed()));
    const all = Promise.all(clients);
    for (let count = 1; count <= 3; count += 1) {
      const answeredCount = outcomes.answered;
      while (outcomes.answered < answeredCount + 4) await new Promise((resolve) => setTimeout(resolve, 5));
      await Promise.race([killEngine(daemon), all]);
    }
    over.abort();
    await all;
    expect(crashesOf(daemon)).toHaveLength(3);
    expect((await fetch(`${daemon.url}/health/ready`)).status).toBe(200);
    expect(await daemon.metric("vllm:num_requests_running")).toBe(0);
  });
});

describe("a crash while whole answers are made", () => {
  const greedy = { model, temperature: 0, max_tokens: 60, ignore_eos: true };
  const requests = {
    "a chat with two choices and log-probabilities": {
      path: "/v1/chat/completions",
      body: {
        ...greedy,
        messages: [{ role: "user", content: "Tell me a story" }],
        n: 2,
        logprobs: true,
        top_logprobs: 1,
      },
    },
    "a completion of two prompts with echo": {
      path: "/v1/completions",
      body: { ...greedy, prompt: ["Once upon", "The red fox"], echo: true, logprobs: 1 },
    },
  };
  test("they are repeated: their clients notice nothing", async () => {
    const killed = join(await makeFolder(), "killed");
    const daemon = await startForTest({ environment: killedAtEvent(20, killed) });
    const fixed = { id: "", created: 0 };
    for (const [name, { path, body }] of Object.entries(requests)) {
      await rm(killed, { force: true });
      const crashCount = crashesOf(daemon).length;
      const repeated = await post(daemon, path, body);
      await daemon.waitForLog(() => crashesOf(daemon).length > crashCount);
      const crashes = crashesOf(daemon);
      expect([name, crashes.length]).toEqual([name, crashCount + 1]);
      expect(crashes.at(-1)).toMatchObject({ failedRequestCount: 0 });
      expect(crashes.at(-1)?.["replayedRequestCount"]).toBeGreaterThan(0);
      const undisturbed = await post(daemon, path, body);
      expect({ name, ...repeated, body: { ...repeated.body, ...fixed } }).toEqual({
        name,
        ...undisturbed,
        body: { ...undisturbed.body, ...fixed },
      });
      expect(repeated.status).toBe(200);
    }
  });

  test("what is tokenized is repeated, too", async () => {
    const daemon = await startForTest();
    pauseEngine(daemon);
    const prompt = "Once upon a time";
    const tokenized = [
      post(daemon, "/tokenize", { prompt }),
      post(daemon, "/tokenize", { prompt, return_token_strs: true }),
    ];
    await untilRead(daemon);
    process.kill(daemon.enginePid(), "SIGKILL");
    const answers = await Promise.all(tokenized);
    const again = await post(daemon, "/tokenize", { prompt });
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(body["tokens"]).toEqual(again.body["tokens"]);
    }
  });
});
