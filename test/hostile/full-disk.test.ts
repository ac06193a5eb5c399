import { mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cliPath } from "../e2e/support/cli-path.ts";
import { hasTerminals, openTerminal } from "../e2e/support/open-terminal.ts";
import { openRaw, rawRequest } from "./support/raw-connection.ts";
import { freePort, spawnDaemon, type SpawnedDaemon } from "./support/spawn-daemon.ts";

const dropped = "infernode_log_lines_dropped_total";
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "infernode-log-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Works, drains and exits with 0, regardless of its log. */
async function expectService(daemon: SpawnedDaemon): Promise<void> {
  expect(await daemon.complete()).not.toBe("");
  expect((await fetch(`${daemon.url}/health/live`)).status).toBe(200);
  daemon.child.kill("SIGTERM");
  expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
}

describe("a log that cannot be written does not stop the daemon", () => {
  const argsOf = (format: string): string[] => ["--log-format", format, "--log-level", "debug"];
  const args = argsOf("json");

  test.skipIf(process.platform !== "linux")("on a full device, standard output too", async () => {
    await using daemon = await spawnDaemon({ args, after: ">/dev/full 2>/dev/full" });
    await daemon.ready();
    expect(await daemon.metric(dropped)).toBeGreaterThan(2);
    await expectService(daemon);
  });

  test.each(["json", "pretty"])(
    "on a full file system, and reports dropped lines once there is room again, as %s",
    async (format) => {
      const path = join(folder, `${format}.log`);
      // A file size limit of 2 blocks of 1024 bytes simulates a full disk.
      await using daemon = await spawnDaemon({
        args: argsOf(format),
        before: "ulimit -f 2;",
        after: `2>>${path}`,
      });
      await daemon.ready();
      while (!((await daemon.metric(dropped)) > 3)) await daemon.complete();
      await truncate(path, 0);
      const lost = await daemon.metric(dropped);
      await daemon.complete();
      await expect.poll(() => readFile(path, "utf8")).toContain("log lines dropped");
      const text = await readFile(path, "utf8");
      const count = Number(/"droppedLineCount":(\d+)/.exec(text)?.[1]);
      expect(count).toBeGreaterThanOrEqual(lost - 2);
      if (format === "json") {
        for (const line of text.trim().split("\n").slice(1)) expect(JSON.parse(line)).toHaveProperty("msg");
      }
      await expectService(daemon);
    },
  );

  test("on a closed pipe", async () => {
    await using daemon = await spawnDaemon({ args });
    await daemon.ready();
    daemon.child.stderr?.destroy();
    await expect.poll(async () => (await daemon.complete(), daemon.metric(dropped))).toBeGreaterThan(0);
    await expectService(daemon);
  });

  test("on a pipe without a reader: no request waits, and memory is bounded", async () => {
    await using daemon = await spawnDaemon({ args });
    daemon.child.stderr?.pause();
    await daemon.ready();
    // The pipe holds 64 KiB or more, the daemon buffers 1 MiB; each request logs a line of 250 bytes.
    while ((await daemon.metric(dropped)) === 0) await askOften(daemon.url);
    await expectService(daemon);
  });
});

/** Produces 1,000 log lines. */
async function askOften(url: string): Promise<void> {
  const line = rawRequest("GET /nowhere", [`x-request-id: ${"x".repeat(128)}`]);
  const connection = await openRaw(url, line.repeat(999) + rawRequest("GET /nowhere", ["connection: close"]));
  await connection.closed;
}

test.skipIf(!hasTerminals())("a terminal stopped by Ctrl-S blocks no request", async () => {
  const port = await freePort();
  await using terminal = openTerminal([process.execPath, cliPath, "serve", "--port", String(port)]);
  await terminal.until("Press Ctrl-C to stop");
  terminal.type("\u0013");
  await askOften(`http://127.0.0.1:${port}`);
  expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200);
  terminal.type("\u0011");
  await terminal.until("unmatched");
  terminal.type("\u0003");
  expect(await terminal.exitCode).toBe(0);
});
