import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runCli } from "../e2e/support/run-cli.ts";
import { startDaemon } from "../e2e/support/start-daemon.ts";
import { spawnDaemon } from "./support/spawn-daemon.ts";

const emptyFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "infernode-gone-"));

/** Larger than bodies that are parsed on the event loop. */
async function completeLarge(url: string): Promise<number> {
  const response = await fetch(`${url}/tokenize`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "Once", user: "x".repeat(100_000) }),
  });
  const { error } = (await response.json()) as { readonly error?: { readonly code: string } };
  return error?.code === "unknown_parameter" ? 200 : response.status;
}

describe("a deleted working directory", () => {
  test.skipIf(process.platform === "win32")("after the start: threads still start", async () => {
    const folder = await emptyFolder();
    await using daemon = await spawnDaemon({ directory: folder, after: "2>/dev/null" });
    await daemon.ready();
    await rm(folder, { recursive: true });
    expect(await completeLarge(daemon.url)).toBe(200);
  });
});

describe("fatal errors have the format of the log", () => {
  const lines = (text: string): readonly Record<string, unknown>[] =>
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  test.each([
    [["--port", "many"], 2, "INVALID_CONFIG"],
    [["--host", "192.0.2.1"], 1, "LISTEN_FAILED"],
    [["--model", "/nowhere"], 4, "MODEL_NOT_FOUND"],
  ])("JSON: %j", async (args, exitCode, code) => {
    const run = await runCli(["serve", "--port", "0", "--log-format", "json", ...args]);
    expect(run.exitCode).toBe(exitCode);
    expect(run.stdout).toBe("");
    expect(lines(run.stderr).filter(({ level }) => level === 60)).toMatchObject([{ code }]);
  });

  test("JSON: an uncaught error, and a warning of Node.js", async () => {
    const script =
      "process.once('SIGUSR2', () => { process.emitWarning('odd'); setTimeout(() => { throw new Error('boom'); }, 50); });";
    await using daemon = await startDaemon({
      environment: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` },
    });
    daemon.signal("SIGUSR2");
    expect(await daemon.exited).toEqual({ exitCode: 1, signal: null });
    expect(daemon.logs.find(({ msg }) => msg === "odd")).toMatchObject({ level: 40 });
    expect(daemon.logs.at(-1)).toMatchObject({ level: 60, err: { message: "boom" } });
    // A line that is not JSON has the level 0.
    expect(daemon.logs.filter(({ level }) => level === 0)).toEqual([]);
  });

  test("text: one line", async () => {
    const run = await runCli(["serve", "--host", "192.0.2.1", "--log-format", "pretty"]);
    expect(run.exitCode).toBe(1);
    expect(run.stderr.split("\n").filter((line) => line.startsWith("infernode: "))).toHaveLength(1);
  });
});
