import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { makeEndlessModel } from "../e2e/support/make-endless-model.ts";
import { startDaemon } from "../e2e/support/start-daemon.ts";
import { openRaw, rawPost, rawRequest, type RawConnection } from "./support/raw-connection.ts";
import { spawnDaemon, type SpawnedDaemon } from "./support/spawn-daemon.ts";

const isLinux = process.platform === "linux";
const json = ["content-type: application/json"];

/** Answered by a thread that has to be started for it. */
async function askLarge(daemon: SpawnedDaemon): Promise<number> {
  const response = await fetch(`${daemon.url}/tokenize`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify({ prompt: "fox ".repeat(20_000) }),
  });
  await response.arrayBuffer();
  return response.status;
}

async function openMany(
  daemon: SpawnedDaemon,
  count: number,
  bytes: string,
): Promise<readonly RawConnection[]> {
  const open: RawConnection[] = [];
  for (let index = 0; index < count; index += 1) open.push(await openRaw(daemon.url, bytes));
  return open;
}

describe.skipIf(!isLinux)("with few descriptors", () => {
  const crowds = {
    nothing: "",
    "half of their headers": "POST /v1/completions HTTP/1.1\r\nhost: local",
    "half of a body": `${rawRequest("POST /v1/completions", [...json, "content-length: 100"])}{"model":`,
    "a request, and stay": rawRequest("GET /version"),
  };
  test("400 connections keep nobody else out, whatever they send", async () => {
    await using daemon = await spawnDaemon({
      before: "ulimit -n 128;",
      args: ["--log-format", "json", "--request-timeout", "600000"],
    });
    let enginePid = 0;
    let restarts = 0;
    createInterface({ input: daemon.child.stderr as NodeJS.ReadableStream }).on("line", (line) => {
      const { msg, pid } = JSON.parse(line) as { readonly msg: string; readonly pid?: number };
      if (msg === "engine started" || msg === "engine restarted") enginePid = pid ?? 0;
      if (msg === "engine restarted") restarts += 1;
    });
    await daemon.ready();
    for (const [index, [sent, bytes]] of Object.entries(crowds).entries()) {
      const crowd = await openMany(daemon, 400, bytes);
      expect([sent, await daemon.complete()]).not.toContain("");
      expect([sent, await askLarge(daemon)]).not.toContain(500);
      await expect.poll(() => enginePid).not.toBe(0);
      process.kill(enginePid, "SIGKILL");
      await expect.poll(() => restarts).toBe(index + 1);
      expect([sent, await daemon.complete()]).not.toContain("");
      // The newest are held, the oldest had to go.
      expect([sent, crowd.at(-1)?.socket.readyState]).toEqual([sent, "open"]);
      expect([sent, crowd[0]?.socket.readyState]).not.toContain("open");
      for (const { socket } of crowd) socket.destroy();
    }
    daemon.child.kill("SIGTERM");
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
  });

  test("one connection more than those that all wait for an answer is told so", async () => {
    await using model = await makeEndlessModel(65_536);
    await using daemon = await startDaemon({
      args: ["--max-connections", "3", "--model", model.directory, "--max-sequences", "3"],
    });
    const request = { model: "endless", prompt: "Once", max_tokens: 60_000, ignore_eos: true, stream: true };
    const busy: RawConnection[] = [];
    for (const _ of [1, 2, 3]) {
      const connection = await openRaw(daemon.url, rawPost("/v1/completions", request));
      await connection.waitFor("data: ");
      busy.push(connection);
    }
    const late = await openRaw(daemon.url, rawRequest("GET /version"));
    const { text } = await late.closed;
    expect(text).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: 1[^]*"code":"server_overloaded"/);
    busy[0]?.socket.destroy();
    await daemon.waitForLog(({ status }) => status === 499);
    expect((await fetch(`${daemon.url}/health/live`)).status).toBe(200);
  });
});
