import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cleanEnvironment, cliPath } from "../e2e/support/cli-path.ts";
import { runCli } from "../e2e/support/run-cli.ts";
import { makeFolder } from "./support/odd-checkpoint.ts";
import { openProgram } from "./support/open-program.ts";

interface ShellRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a line of shell in which `$infernode` is the program. */
function runShell(
  line: string,
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<ShellRun> {
  return new Promise((resolve, reject) => {
    const quoted = `infernode() { "${process.execPath}" $NODE_FLAGS "${cliPath}" "$@"; }; ${line}`;
    const child = spawn("sh", ["-c", quoted], { env: { ...cleanEnvironment(), ...environment } });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
    child.stdin.end();
  });
}

/** Every command with a part of its output. */
const commands = [
  ["doctor", "would run"],
  ["models inspect embedded", "memory plan"],
  ["play --prompt Hello --max-tokens 3 --temperature 0", ""],
  ["serve --print-config", "stallAfterMs"],
] as const;
/** One with an engine process, and a command that only prints. */
const someCommands = [commands[2], commands[3]] as const;
const isPosix = process.platform !== "win32";

describe.skipIf(!isPosix)("in a deleted working directory", () => {
  const enter = async (): Promise<string> => {
    const folder = join(await makeFolder(), "gone");
    return `mkdir '${folder}' && cd '${folder}' && rmdir '${folder}'`;
  };

  test.concurrent.each(commands)("%s works", async (command, shown) => {
    const run = await runShell(`${await enter()} && infernode ${command}`);
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(shown) });
    expect(run.stdout.trim()).not.toBe("");
  });

  test.concurrent("the daemon listens and responds", async () => {
    const line = `${await enter()} && infernode serve --port 0 --log-format json --model /nowhere`;
    // The start fails only at the missing model.
    expect(await runShell(line)).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('"msg":"listening"'),
    });
  });

  test.concurrent.each(["serve --model here", "models inspect here", "serve --config infernode.yaml"])(
    "%s is rejected, because the path has no base",
    async (command) => {
      const run = await runShell(`${await enter()} && infernode ${command}`);
      expect(run).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining("expected an absolute path, since the working directory was deleted"),
      });
    },
  );
});

describe.skipIf(!isPosix)("where little is set up", () => {
  // It loads all that the others load.
  const [play] = commands[2];

  test.concurrent("play works without HOME and with an empty environment", async () => {
    const bare = `env -i "${process.execPath}" "${cliPath}" ${play}`;
    expect(await runShell(bare)).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/./) });
  });

  test.concurrent("play works with --frozen-intrinsics", async () => {
    const run = await runShell(`infernode ${play}`, { NODE_FLAGS: "--frozen-intrinsics" });
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/./) });
  });

  test.concurrent("play works with every standard stream closed", async () => {
    expect(await runShell(`infernode ${play} <&- >&- 2>&-`)).toMatchObject({ exitCode: 0 });
  });
});

describe.skipIf(!existsSync("/dev/full"))("when standard output cannot be written", () => {
  test.concurrent.each(someCommands)("%s reports it and exits with 1", async (command) => {
    const run = await runShell(`infernode ${command} > /dev/full`);
    expect(run).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^infernode: cannot write to standard output: .*ENOSPC/m),
    });
    expect(run.stderr).not.toMatch(/^\s+at /m);
  });

  test.concurrent.each(someCommands)("%s accepts a reader that closes early", async (command) => {
    const run = await runShell(`infernode ${command} | head -c 1; exit 0`);
    expect(run.stderr).not.toMatch(/EPIPE|^\s+at /m);
    expect(run.stdout).toHaveLength(1);
  });

  test.concurrent.each(someCommands)(
    "%s tolerates a standard error that cannot be written",
    async (command) => {
      expect(await runShell(`infernode ${command} --bad 2> /dev/full`)).toMatchObject({ exitCode: 2 });
      expect(await runShell(`infernode ${command} 2> /dev/full`)).toMatchObject({ exitCode: 0 });
    },
  );
});

describe("untrusted text", () => {
  const program = openProgram();
  afterAll(() => program[Symbol.asyncDispose]());

  test.concurrent.each([
    ["models inspect", (args: readonly string[]) => program.run(args)],
    ["doctor --model", (args: readonly string[]) => program.run(args)],
    ["serve --port 0 --log-format pretty --model", (args: readonly string[]) => runCli(args)],
  ] as const)("%s lets none of them command the terminal", async (command, runCommand) => {
    const directory = join(await makeFolder(), "\u001B]0;title\u0007\u009B31m");
    const run = await runCommand([...command.split(" "), directory]);
    expect(run.exitCode).toBe(4);
    // oxlint-disable-next-line no-control-regex
    expect(run.stdout + run.stderr).not.toMatch(/[\u0007\u009B]|\u001B\]/);
    expect(run.stdout + run.stderr).toContain("title");
  });

  test("play rejects an endless prompt", async () => {
    const run = await runShell("yes | infernode play; exit $?");
    expect(run).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("expected a prompt of at most"),
    });
  });
});

test("serve rejects --frozen-intrinsics", async () => {
  const run = await runShell("infernode serve --port 0", { NODE_FLAGS: "--frozen-intrinsics" });
  expect(run).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/^infernode: serve does not support --frozen-intrinsics/m),
  });
  expect(run.stderr).not.toMatch(/^\s+at /m);
});
