import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { untilGone } from "../e2e/support/is-alive.ts";
import type { TestDaemon } from "../e2e/support/start-daemon.ts";
import { startEndless, startForTest } from "../e2e/support/start-for-test.ts";
import { createClient, streamCompletion, type RunningStream } from "../e2e/support/stream-chat.ts";
import { heldWhile } from "./support/engine-faults.ts";
import { makeFolder } from "./support/odd-checkpoint.ts";
import { openConnection } from "./support/open-connection.ts";

const model = "infernode-stories";
const head = (contentLength: number): string =>
  `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${contentLength}\r\n`;
const stream = (daemon: TestDaemon, maxTokens: number): RunningStream =>
  streamCompletion(createClient(daemon.url), { model, maxTokens });
/** One that is not over before the test has done what it does meanwhile. */
const longStream = (daemon: TestDaemon): RunningStream =>
  streamCompletion(createClient(daemon.url), { model: "endless", maxTokens: 60_000 });

describe("signals that reach the engine process as well", () => {
  test("to the engine alone stop nothing that runs; to both, as a service manager sends it, SIGTERM drains", async () => {
    const daemon = await startForTest();
    const running = stream(daemon, 300);
    await running.started;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(daemon.enginePid(), signal);
    expect(await running.ended).toMatchObject({ finishReason: "length" });
    expect(daemon.logs.map(({ msg }) => msg)).not.toContain("engine crashed");
    const drained = stream(daemon, 400);
    await drained.started;
    process.kill(daemon.enginePid(), "SIGTERM");
    daemon.signal("SIGTERM");
    expect(await drained.ended).toMatchObject({ finishReason: "length" });
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
  });
});

describe("an engine that ends or stops at an odd moment", () => {
  test("killed while the daemon drains: the stream gets an error, the daemon ends with 0", async () => {
    const daemon = await startEndless();
    const running = longStream(daemon);
    await running.started;
    daemon.signal("SIGTERM");
    await daemon.waitForLog(({ msg }) => msg === "draining");
    process.kill(daemon.enginePid(), "SIGKILL");
    await expect(running.ended).rejects.toMatchObject({ code: expect.any(String) });
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
  });

  test("stopped while the daemon drains: the daemon ends within its time, and the engine with it", async () => {
    const daemon = await startEndless({ args: ["--drain-timeout", "500"] });
    const running = longStream(daemon);
    await running.started;
    const enginePid = daemon.enginePid();
    process.kill(enginePid, "SIGSTOP");
    daemon.signal("SIGTERM");
    await expect(running.ended).rejects.toMatchObject({ code: expect.any(String) });
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
    await untilGone(enginePid);
  });

  test("SIGTERM while it is started again: who waits gets an error, the daemon ends with 0", async () => {
    const starting = join(await makeFolder(), "starting");
    const daemon = await startForTest({ environment: heldWhile(starting) });
    const enginePid = daemon.enginePid();
    await writeFile(starting, "");
    process.kill(enginePid, "SIGKILL");
    await daemon.waitForLog(({ msg }) => msg === "engine crashed");
    const waiting = await openConnection(daemon.url);
    const body = JSON.stringify({ model, prompt: "Once", max_tokens: 4 });
    waiting.write(`${head(body.length)}expect: 100-continue\r\n\r\n`);
    await waiting.until("100 Continue");
    waiting.write(body);
    // What was sent before has been read by the time that this is answered.
    await fetch(`${daemon.url}/health/live`);
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
    expect(await waiting.until(/HTTP\/1\.1 503 [^]*\}/)).toBeDefined();
    expect(daemon.enginePid()).toBe(enginePid);
  });
});

describe("a daemon that is stopped and goes on", () => {
  test("answers those who asked meanwhile, forgets those who left, and ends with 0 where SIGTERM came", async () => {
    const daemon = await startForTest();
    daemon.signal("SIGSTOP");
    const client = createClient(daemon.url);
    const leaving = Array.from({ length: 20 }, () => stream(daemon, 900));
    const waiting = client.completions.create({ model, prompt: "Once", max_tokens: 4 });
    // The system takes connections and bytes while the process is stopped.
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const each of leaving) each.abort();
    await Promise.allSettled(leaving.map(({ ended }) => ended));
    daemon.signal("SIGCONT");
    expect((await waiting).usage?.completion_tokens).toBe(4);
    await daemon.waitForMetric("vllm:num_requests_running", 0);
    await daemon.waitForMetric("vllm:num_requests_waiting", 0);
    daemon.signal("SIGSTOP");
    daemon.signal("SIGTERM");
    daemon.signal("SIGCONT");
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
  });
});

describe("many that leave at the same step", () => {
  test("leave the one that stays as it would be alone", async () => {
    const daemon = await startForTest({ args: ["--max-sequences", "24"] });
    const alone = await stream(daemon, 300).ended;
    const staying = stream(daemon, 300);
    const leaving = Array.from({ length: 40 }, () => stream(daemon, 900));
    await Promise.all([staying.started, ...leaving.slice(0, 20).map(({ started }) => started)]);
    for (const each of leaving) each.abort();
    await Promise.allSettled(leaving.map(({ ended }) => ended));
    expect(await staying.ended).toEqual(alone);
    await daemon.waitForMetric("vllm:num_requests_running", 0);
    await daemon.waitForMetric("vllm:num_requests_waiting", 0);
    await daemon.waitForMetric("vllm:kv_cache_usage_perc", 0);
  });
});
