import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { cliPath, cleanEnvironment } from "../e2e/support/cli-path.ts";
import { startDaemon } from "../e2e/support/start-daemon.ts";

const isLinux = process.platform === "linux";

/** Runs a command in a shell that allows so many open files. */
function runLimited(limit: number, args: readonly string[]) {
  const command = `ulimit -n ${limit}; exec "$0" "$@"`;
  return spawnSync("sh", ["-c", command, process.execPath, cliPath, ...args], {
    env: cleanEnvironment(),
    encoding: "utf8",
    timeout: 60_000,
  });
}

describe.skipIf(!isLinux)("a process that may open few files", () => {
  test("says in one line how many it needs", () => {
    const { status, stderr } = runLimited(64, ["serve", "--port", "0"]);
    expect(status).toBe(1);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(/may have 64 files open and needs 128.*ulimit -n/);
  });

  const hasPrlimit = spawnSync("prlimit", ["--version"]).status === 0;
  test.skipIf(!hasPrlimit)("starts the engine again once it may", async () => {
    await using daemon = await startDaemon();
    const limit = (soft: string): void => {
      const { status } = spawnSync("prlimit", ["--pid", String(daemon.pid), `--nofile=${soft}:`]);
      expect(status).toBe(0);
    };
    limit("16");
    process.kill(daemon.enginePid(), "SIGKILL");
    const postponed = await daemon.waitForLog(({ msg }) => msg === "engine start postponed");
    expect(postponed).toMatchObject({ code: "EMFILE", reason: expect.stringContaining("ulimit -n") });
    await daemon.waitForLog(
      ({ msg, failedStartCount }) => msg === "engine start postponed" && failedStartCount === 3,
    );
    limit("1024");
    await daemon.waitForLog(({ msg }) => msg === "engine restarted");
    const response = await fetch(`${daemon.url}/health/ready`);
    expect(response.status).toBe(200);
  });
});
