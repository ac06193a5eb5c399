import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { createTinyModel } from "../../packages/backend/test/support/tiny-model.ts";
import { isAlive, untilGone } from "./support/is-alive.ts";
import { runCli } from "./support/run-cli.ts";
import { pauseEngine } from "./support/pause-engine.ts";
import { startEndless, startForTest } from "./support/start-for-test.ts";
import { createClient, streamCompletion } from "./support/stream-chat.ts";

const model = "infernode-stories";
/** More than is generated before a test has done what it does meanwhile. */
const endless = { model: "endless", maxTokens: 60_000 };

describe("starting", () => {
  test("answers before the model is there; leaves no engine behind when it is killed", async () => {
    const daemon = await startForTest({ until: "listening" });
    const live = await fetch(`${daemon.url}/health/live`);
    expect(live.status).toBe(200);
    await daemon.waitForLog(({ msg }) => msg === "ready");
    const ready = await fetch(`${daemon.url}/health/ready`);
    expect(ready.status).toBe(200);
    const enginePid = daemon.enginePid();
    expect(isAlive(enginePid)).toBe(true);
    daemon.signal("SIGKILL");
    await daemon.exited;
    await untilGone(enginePid);
  });

  test("ends with 3 and says which port when it is in use", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const run = await runCli(["serve", "--port", String(port), "--log-format", "json"]);
    await new Promise((resolve) => server.close(resolve));
    expect(run.exitCode).toBe(3);
    expect(run.stderr).toContain(String(port));
  });

  test("ends with 4 when the model is not there", async () => {
    const run = await runCli(["serve", "--port", "0", "--model", "nowhere", "--log-format", "json"]);
    expect(run.exitCode).toBe(4);
    expect(run.stderr).toContain("nowhere");
    expect(run.stderr).toContain("MODEL_NOT_FOUND");
  });

  test("refuses a model that does not fit, with the numbers", async () => {
    const run = await runCli(["serve", "--port", "0", "--memory-limit", "1MiB", "--log-format", "json"]);
    expect(run.exitCode).toBe(4);
    expect(run.stderr).toContain("MODEL_DOES_NOT_FIT");
  });

  test("ends with 2 for a wrong variable", async () => {
    const run = await runCli(["serve"], { environment: { INFERNODE_PORT: "abc" } });
    expect(run).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('INFERNODE_PORT="abc"') });
  });
});

describe("stopping", () => {
  test("finishes a running stream after SIGTERM, takes no new work, and ends with 0", async () => {
    const daemon = await startForTest();
    const client = createClient(daemon.url);
    const running = streamCompletion(client, { model, maxTokens: 400 });
    await running.started;
    const resume = pauseEngine(daemon);
    daemon.signal("SIGTERM");
    await daemon.waitForLog(({ msg }) => msg === "draining");
    expect((await fetch(`${daemon.url}/health/ready`)).status).toBe(503);
    resume();
    expect(await running.ended).toMatchObject({ finishReason: "length" });
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
    expect(isAlive(daemon.enginePid())).toBe(false);
  });

  test("aborts what does not finish within the drain timeout, and still ends with 0", async () => {
    const daemon = await startEndless({ args: ["--drain-timeout", "0"] });
    const running = streamCompletion(createClient(daemon.url), endless);
    await running.started;
    daemon.signal("SIGTERM");
    await expect(running.ended).rejects.toMatchObject({ code: expect.any(String) });
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
  });

  test("ends at once with 130 at the second SIGINT, the engine with it", async () => {
    const daemon = await startEndless();
    const running = streamCompletion(createClient(daemon.url), endless);
    await running.started;
    daemon.signal("SIGINT");
    await daemon.waitForLog(({ msg }) => msg === "draining");
    daemon.signal("SIGINT");
    await expect(running.ended).rejects.toThrow(/terminated|error/i);
    expect(await daemon.exited).toEqual({ exitCode: 130, signal: null });
    await untilGone(daemon.enginePid());
  });

  test("ends with 0 after SIGTERM while the model loads", async () => {
    const daemon = await startForTest({ until: "listening" });
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
  });
});

describe("a long text", () => {
  test("is tokenized beside the engine, as it would be there", async () => {
    await using tiny = await createTinyModel({ contextTokens: 65_536 });
    const daemon = await startForTest({ args: ["--model", tiny.directory, "--max-sequences", "1"] });
    const tokenize = async (prompt: string): Promise<readonly number[]> => {
      const response = await fetch(`${daemon.url}/tokenize`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt }),
      });
      expect(response.status).toBe(200);
      return ((await response.json()) as { readonly tokens: readonly number[] }).tokens;
    };
    const short = await tokenize("naïve fox ");
    expect(short).toHaveLength(11);
    const long = await tokenize("naïve fox ".repeat(3000));
    expect(long).toHaveLength(33_000);
    expect(long.slice(-11)).toEqual(short);
  });
});

describe("a crash of the engine", () => {
  test("fails the running stream with an error; requests that come meanwhile wait, and are answered", async () => {
    const daemon = await startEndless();
    const client = createClient(daemon.url);
    const running = streamCompletion(client, endless);
    await running.started;
    const firstPid = daemon.enginePid();
    process.kill(firstPid, "SIGKILL");
    await expect(running.ended).rejects.toMatchObject({ code: "engine_crashed" });
    await daemon.waitForLog(({ msg }) => msg === "engine crashed");
    const answer = client.completions.create({ model: "endless", prompt: "Once", max_tokens: 4 });
    expect((await answer).usage?.completion_tokens).toBe(4);
    await daemon.waitForLog(({ msg }) => msg === "engine restarted");
    expect(daemon.enginePid()).not.toBe(firstPid);
    expect((await fetch(`${daemon.url}/health/ready`)).status).toBe(200);
  });

  test("repeats what had no token yet: its client notices nothing", async () => {
    const daemon = await startEndless({ args: ["--max-sequences", "1"] });
    const client = createClient(daemon.url);
    const running = streamCompletion(client, endless);
    await running.started;
    const waiting = client.completions.create({
      model: "endless",
      prompt: "Once upon a time",
      max_tokens: 6,
      temperature: 0,
    });
    await daemon.waitForMetric("vllm:num_requests_waiting", 1);
    process.kill(daemon.enginePid(), "SIGKILL");
    await expect(running.ended).rejects.toMatchObject({ code: "engine_crashed" });
    const answer = await waiting;
    expect(answer.usage?.completion_tokens).toBe(6);
    const crash = await daemon.waitForLog(({ msg }) => msg === "engine crashed");
    expect(crash).toMatchObject({ signal: "SIGKILL", failedRequestCount: 1, replayedRequestCount: 1 });
  });
});

describe("a hung engine", () => {
  test("is not ready, then ended and started again; what streamed gets an error, the rest an answer", async () => {
    const daemon = await startEndless({
      args: ["--max-sequences", "1", "--stall-after", "1000", "--hang-after", "3000"],
    });
    const client = createClient(daemon.url);
    const running = streamCompletion(client, endless);
    await running.started;
    const waiting = client.completions.create({
      model: "endless",
      prompt: "Once",
      max_tokens: 6,
      temperature: 0,
    });
    await daemon.waitForMetric("vllm:num_requests_waiting", 1);
    const firstPid = daemon.enginePid();
    process.kill(firstPid, "SIGSTOP");
    await daemon.waitForLog(({ msg, status }) => msg === "health changed" && status === "unhealthy");
    expect((await fetch(`${daemon.url}/health/live`)).status).toBe(200);
    await expect(running.ended).rejects.toMatchObject({ code: "engine_crashed" });
    expect((await waiting).usage?.completion_tokens).toBe(6);
    expect(isAlive(firstPid)).toBe(false);
    const hung = await daemon.waitForLog(({ msg }) => msg === "engine hung");
    expect(hung).toMatchObject({ runningSequenceCount: 1, waitingRequestCount: 1 });
    const crash = await daemon.waitForLog(({ msg }) => msg === "engine crashed");
    expect(crash).toMatchObject({ signal: "SIGKILL", failedRequestCount: 1, replayedRequestCount: 1 });
  });

  test("is none that was stopped and went on in time", async () => {
    const daemon = await startForTest({ args: ["--stall-after", "1000", "--hang-after", "60000"] });
    const running = streamCompletion(createClient(daemon.url), { model, maxTokens: 900 });
    await running.started;
    const enginePid = daemon.enginePid();
    process.kill(enginePid, "SIGSTOP");
    await daemon.waitForLog(({ msg, status }) => msg === "health changed" && status === "unhealthy");
    process.kill(enginePid, "SIGCONT");
    expect(await running.ended).toMatchObject({ finishReason: "length" });
    expect(daemon.enginePid()).toBe(enginePid);
    expect(isAlive(enginePid)).toBe(true);
  });

  test("is none whose daemon was stopped for longer than it has", async () => {
    const daemon = await startForTest({ args: ["--hang-after", "3000"] });
    const running = streamCompletion(createClient(daemon.url), { model, maxTokens: 400 });
    await running.started;
    const enginePid = daemon.enginePid();
    // As Ctrl-Z, or a laptop that sleeps.
    for (const pid of [enginePid, daemon.pid]) process.kill(pid, "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 4000));
    for (const pid of [daemon.pid, enginePid]) process.kill(pid, "SIGCONT");
    expect(await running.ended).toMatchObject({ finishReason: "length" });
    expect(daemon.logs.map(({ msg }) => msg)).not.toContain("engine hung");
    expect(isAlive(enginePid)).toBe(true);
  });
});
