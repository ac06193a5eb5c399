import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../e2e/support/run-cli.ts";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import { spawnDaemon } from "./support/spawn-daemon.ts";

const model = "infernode-stories";
const fields = { model, input: "Once upon a time", max_output_tokens: 4 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "infernode-responses-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function clientOf({ url }: Pick<TestDaemon, "url">): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
}

const start = (file: string): Promise<TestDaemon> =>
  startDaemon({ args: ["--store", file, "--quantize", "none"] });

test("what was answered is stored after kill -9, and can be continued", async () => {
  const file = join(folder, "new", "responses.db");
  const answered: OpenAI.Responses.Response[] = [];
  let conversationId: string;
  {
    await using daemon = await start(file);
    const client = clientOf(daemon);
    const { id } = await client.conversations.create({ metadata: { topic: "foxes" } });
    conversationId = id;
    await client.responses.create({ ...fields, conversation: id });
    const askOnAndOn = async (): Promise<void> => {
      for (;;) answered.push(await client.responses.create(fields));
    };
    const clients = Array.from({ length: 3 }, askOnAndOn);
    while (answered.length < 8) await client.responses.create({ ...fields, store: false });
    daemon.signal("SIGKILL");
    await Promise.allSettled(clients);
    expect(await daemon.exited).toMatchObject({ signal: "SIGKILL" });
  }
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe("600");
  await using daemon = await start(file);
  const client = clientOf(daemon);
  for (const response of answered) {
    const { output_text: _, ...stored } = response;
    expect(await client.responses.retrieve(response.id)).toMatchObject(stored);
  }
  expect((await client.conversations.items.list(conversationId)).data).toHaveLength(2);
  const last = answered.at(-1);
  const next = await client.responses.create({ ...fields, previous_response_id: last?.id ?? "" });
  expect(next.usage?.input_tokens).toBeGreaterThan(last?.usage?.input_tokens ?? 0);
  const kept = await daemon.metric("infernode_store_records", 'kind="response"');
  // One that was stored when the daemon was killed may not have been answered.
  expect(kept).toBeGreaterThanOrEqual(answered.length + 2);
  expect(await daemon.metric("infernode_store_bytes")).toBeGreaterThan(1000);

  const second = await runCli(["serve", "--port", "0", "--store", file]);
  expect([second.exitCode, second.stderr]).toEqual([1, expect.stringContaining("another process uses")]);
  daemon.signal("SIGTERM");
  expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
  // The log beside it is in the file once it is closed.
  expect(await readdir(join(folder, "new"))).toEqual(["responses.db"]);
});

test("a file of something else is refused, by serve and by doctor, and left as it is", async () => {
  const file = join(folder, "notes.txt");
  await writeFile(file, "Foxes live in dens.\n".repeat(100));
  const serve = await runCli(["serve", "--port", "0", "--store", file]);
  expect([serve.exitCode, serve.stderr]).toEqual([1, expect.stringContaining("notes.txt")]);
  const doctor = await runCli(["doctor", "--json", "--store", file]);
  const report = JSON.parse(doctor.stdout) as { store: object; verdict: { reasons: readonly string[] } };
  expect(report.store).toMatchObject({ file, works: false });
  expect(report.verdict.reasons).toContainEqual(expect.stringContaining("notes.txt"));
  expect((await stat(file)).size).toBe(2000);
});

test.skipIf(process.platform === "win32")(
  "on a full disk answers are sent, and say that they are not stored",
  async () => {
    const args = ["--store", join(folder, "full.db"), "--quantize", "none"];
    // A file size limit of 120 blocks of 1024 bytes simulates a full disk.
    await using daemon = await spawnDaemon({ args, before: "ulimit -f 120;" });
    await daemon.ready();
    const client = clientOf(daemon);
    const padded = { ...fields, metadata: { note: "x".repeat(500) } };
    let response = await client.responses.create(padded);
    expect(response).toMatchObject({ store: true });
    const first = response;
    while ((response as { store?: boolean }).store === true) {
      response = await client.responses.create({ ...padded, input: "fox ".repeat(100) });
    }
    expect(response).toMatchObject({
      status: "incomplete",
      store: false,
      store_error: { code: "store_failed" },
    });
    expect(response.output_text).not.toBe("");
    expect((await client.responses.retrieve(first.id)).id).toBe(first.id);
    const health = (await (await fetch(`${daemon.url}/health`)).json()) as {
      status: string;
      reasons: string[];
    };
    expect(health.status).toBe("degraded");
    expect(health.reasons.join()).toContain("full.db");
    expect(await daemon.metric("infernode_store_failed_writes_total")).toBeGreaterThan(0);
  },
);
