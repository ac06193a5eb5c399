import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type OpenAI from "openai";
import { expect, onTestFinished, test } from "vitest";
import { postJson } from "../e2e/support/post-json.ts";
import type { TestDaemon } from "../e2e/support/start-daemon.ts";
import { startForTest } from "../e2e/support/start-for-test.ts";
import { createClient, streamCompletion } from "../e2e/support/stream-chat.ts";

/** Starts a daemon with the bundled model under each of the names, with engine settings of its own. */
async function startModels(
  models: Readonly<Record<string, object>>,
  options: { readonly args?: readonly string[]; readonly until?: "listening" } = {},
): Promise<TestDaemon> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-models-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, "infernode.config.json");
  await writeFile(file, JSON.stringify({ models }));
  return startForTest({ ...options, args: ["--config", file, ...(options.args ?? [])] });
}

const bundled = { path: "embedded", engine: { threads: 1 } };

/** Kills the engine of a model, and resolves when its next one is ready. */
async function killEngine(daemon: TestDaemon, model: string): Promise<void> {
  const pid = daemon.enginePid(model);
  process.kill(pid, "SIGKILL");
  await daemon.waitForLog(({ msg }) => msg === "engine restarted" && daemon.enginePid(model) !== pid);
}

async function answerOf(client: OpenAI, model: string): Promise<string> {
  return (await streamCompletion(client, { model, maxTokens: 40 }).ended).text;
}

/** How often an engine is killed. */
const killCount = 4;

test("one engine is killed again and again: its requests are answered or told, and the other model's notice nothing", async () => {
  const daemon = await startModels({ killed: bundled, calm: { ...bundled, aliases: ["quiet"] } });
  const client = createClient(daemon.url);
  const calmPid = daemon.enginePid("calm");
  const expected = await answerOf(client, "calm");
  const over = new AbortController();
  const calmTexts: string[] = [];
  const askCalm = async (model: string): Promise<void> => {
    while (!over.signal.aborted) calmTexts.push(await answerOf(client, model));
  };
  const outcomes = { answered: 0, failed: 0 };
  const askKilled = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const [ended] = await Promise.allSettled([answerOf(client, "killed")]);
      if (ended.status === "fulfilled") expect(ended.value).toBe(expected);
      else expect(ended.reason).toMatchObject({ code: "engine_crashed" });
      outcomes[ended.status === "fulfilled" ? "answered" : "failed"] += 1;
    }
  };
  const clients = Promise.all([askCalm("calm"), askCalm("quiet"), askKilled(), askKilled()]);
  for (let count = 1; count <= killCount; count += 1) {
    const { answered } = outcomes;
    while (outcomes.answered === answered) await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.race([killEngine(daemon, "killed"), clients]);
  }
  over.abort();
  await clients;
  expect(new Set(calmTexts)).toEqual(new Set([expected]));
  expect(daemon.enginePid("calm")).toBe(calmPid);
  const crashes = daemon.logs.filter(({ msg }) => msg === "engine crashed");
  expect(crashes).toHaveLength(killCount);
  expect(new Set(crashes.map(({ model, engine }) => `${String(model)}/${String(engine)}`))).toEqual(
    new Set(["killed/0"]),
  );
  for (const [model, crashCount] of [
    ["killed", killCount],
    ["calm", 0],
  ] as const) {
    const labels = `model_name="${model}"`;
    expect(await daemon.metric("infernode_engine_crashes_total", labels)).toBe(crashCount);
    expect(
      await daemon.metric(
        "infernode_requests_finished_total",
        `${labels},engine="${model === "killed" ? 0 : 1}",finish_reason="length"`,
      ),
    ).toBeGreaterThan(0);
  }
});

test("models that cannot be loaded do not affect the others; the API, health and the log say why", async () => {
  const large = { path: "embedded", engine: { maxSequences: 2000, maxTokensPerStep: 2000 } };
  const bad = { path: "embedded", engine: { contextTokens: 100_000 } };
  const daemon = await startModels({ good: bundled, bad, large }, { args: ["--memory-limit", "200MiB"] });
  const client = createClient(daemon.url);
  expect(await answerOf(client, "good")).not.toBe("");
  await expect(answerOf(client, "bad")).rejects.toMatchObject({ status: 503 });
  await expect(answerOf(client, "absent")).rejects.toMatchObject({ status: 404, code: "model_not_found" });
  const ready = await fetch(`${daemon.url}/health/ready`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toMatchObject({
    status: "degraded",
    reasons: [expect.stringMatching(/^bad\/engine: /), expect.stringMatching(/^large\/engine: /)],
  });
  expect(
    await daemon.waitForLog(({ msg, model }) => msg === "engine failed" && model === "bad"),
  ).toMatchObject({
    level: 50,
    model: "bad",
    engine: "1",
    reasons: [expect.stringContaining("100000")],
  });
  const stateOf = (model: string, state: string): Promise<number> =>
    daemon.metric(
      "infernode_engine_state",
      `model_name="${model}",engine="${model === "good" ? 0 : 1}",state="${state}"`,
    );
  expect([
    await stateOf("bad", "failed"),
    await stateOf("bad", "ready"),
    await stateOf("good", "ready"),
  ]).toEqual([1, 0, 1]);
  // One that does not fit is refused with what the others have.
  const answer = await postJson(`${daemon.url}/v1/completions`, { model: "large", prompt: "Once" });
  expect(answer.status).toBe(503);
  expect(JSON.stringify(answer.body)).toMatch(
    /large: expected .*kv-cache.*reserved for other models: good [0-9.]+ MiB/,
  );
});

test("all models together keep within one memory limit, each with an even part", async () => {
  const daemon = await startModels({ a: bundled, b: bundled }, { args: ["--memory-limit", "200MiB"] });
  const planned = daemon.logs
    .filter(({ msg }) => msg === "model loaded")
    .map(({ totalBytes }) => Number(totalBytes));
  expect(planned).toHaveLength(2);
  expect(planned.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(200 * 2 ** 20);
  expect(planned[0]).toBe(planned[1]);
});
