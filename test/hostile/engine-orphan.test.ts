import { spawn } from "node:child_process";
import { describe, expect, test } from "vitest";
import { cleanEnvironment, cliPath } from "../e2e/support/cli-path.ts";
import { makeEndlessModel } from "../e2e/support/make-endless-model.ts";
import { startDaemon } from "../e2e/support/start-daemon.ts";
import { isAlive, untilGone } from "../e2e/support/is-alive.ts";
import { faultyEngine, untilChild } from "./support/engine-faults.ts";

describe("an engine whose loop is blocked ends when its parent is killed", () => {
  test("a daemon", async () => {
    await using daemon = await startDaemon({ environment: faultyEngine });
    const enginePid = daemon.enginePid();
    process.kill(enginePid, "SIGUSR2");
    daemon.signal("SIGKILL");
    expect(await daemon.exited).toEqual({ exitCode: null, signal: "SIGKILL" });
    await untilGone(enginePid);
    expect(isAlive(enginePid)).toBe(false);
  });

  test("a chat in the terminal", async () => {
    await using model = await makeEndlessModel(65_536);
    const args = ["--model", model.directory, "--prompt", "Once", "--max-tokens", "60000"];
    const child = spawn(process.execPath, [cliPath, "play", ...args], {
      env: { ...cleanEnvironment(), ...faultyEngine },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const enginePid = await untilChild(child.pid ?? 0);
    await new Promise((resolve) => child.stdout.once("data", resolve));
    process.kill(enginePid, "SIGUSR2");
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    await untilGone(enginePid);
    expect(isAlive(enginePid)).toBe(false);
  });

  test("but not while its parent lives", async () => {
    await using daemon = await startDaemon({ environment: faultyEngine, args: ["--hang-after", "4000"] });
    const enginePid = daemon.enginePid();
    process.kill(enginePid, "SIGUSR2");
    await daemon.waitForLog(({ msg }) => msg === "engine hung");
    await daemon.waitForLog(({ msg }) => msg === "engine restarted");
    expect(isAlive(daemon.enginePid())).toBe(true);
    expect(isAlive(enginePid)).toBe(false);
  });
});
