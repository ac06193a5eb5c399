import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { cleanEnvironment, cliPath } from "../e2e/support/cli-path.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const startPath = fileURLToPath(new URL("../../tools/start.mjs", import.meta.url));

/** A program that starts the daemon, and what it wrote. */
interface Starter extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Resolves with everything once the text was written. */
  until(text: string): Promise<string>;
  readonly closed: Promise<{ readonly exitCode: number | null; readonly output: string }>;
}

function start(program: string, args: readonly string[]): Starter {
  const child = spawn(program, args, { cwd: root, env: cleanEnvironment(), detached: true });
  let output = "";
  const watchers = new Set<() => void>();
  const look = (): void => {
    for (const watcher of watchers) watcher();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      look();
    });
  }
  const closed = new Promise<{ exitCode: number | null; output: string }>((resolve) => {
    child.on("close", (exitCode) => {
      resolve({ exitCode, output });
      look();
    });
  });
  return {
    child,
    closed,
    until: (text) =>
      new Promise((resolve, reject) => {
        const watcher = (): void => {
          if (output.includes(text)) resolve(output);
          else if (child.exitCode !== null) reject(new Error(`ended without ${text}; wrote:\n${output}`));
        };
        watchers.add(watcher);
        watcher();
      }),
    [Symbol.asyncDispose]: async () => {
      try {
        process.kill(-(child.pid ?? 0), "SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await closed;
    },
  };
}

const serveArgs = ["--port", "0", "--log-format", "json"];

/** A stream that runs while the signal comes: its end shows that the daemon drained. */
async function streamFrom(log: string): Promise<{ readonly whole: Promise<string> }> {
  const url = /"url":"([^"]+)","model"/.exec(log)?.[1] ?? "";
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "infernode-stories",
      prompt: "Once",
      max_tokens: 300,
      ignore_eos: true,
      stream: true,
    }),
  });
  return { whole: response.text() };
}

const canUnshare =
  process.platform === "linux" &&
  spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "--kill-child", "true"]).status === 0;

/** The process that is number 1 in the namespace that `unshare` made: its only child. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0]);
}

describe.skipIf(!canUnshare)("as process 1 of a container", () => {
  test.each([
    ["the program", [cliPath, "serve", ...serveArgs]],
    ["tools/start.mjs", [startPath, ...serveArgs]],
  ])("%s drains at SIGTERM and ends with 0", async (_, args) => {
    const namespace = ["--pid", "--fork", "--mount-proc", "--kill-child", "--", process.execPath];
    await using starter = start("unshare", [...namespace, ...args]);
    const { whole } = await streamFrom(await starter.until('"msg":"ready"'));
    process.kill(childOf(starter.child.pid ?? 0), "SIGTERM");
    expect(await whole).toMatch(/\[DONE\]\n\n$/);
    const { exitCode, output } = await starter.closed;
    expect({ exitCode, isStopped: output.includes('"msg":"stopped"') }).toEqual({
      exitCode: 0,
      isStopped: true,
    });
  });

  test("npm start says that npm does not wait, and what does", async () => {
    const namespace = ["--pid", "--fork", "--mount-proc", "--kill-child", "--"];
    await using starter = start("unshare", [...namespace, "npm", "start", "--silent", "--", ...serveArgs]);
    expect(await starter.until('"msg":"ready"')).toMatch(
      /^infernode: npm is process 1 here.*tools\/start\.mjs/m,
    );
  });
});

describe.skipIf(process.platform === "win32")("a signal that comes to the whole process group", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("%s counts once: the daemon drains", async (signal) => {
    await using starter = start(process.execPath, [startPath, ...serveArgs]);
    const { whole } = await streamFrom(await starter.until('"msg":"ready"'));
    process.kill(-(starter.child.pid ?? 0), signal);
    expect(await whole).toMatch(/\[DONE\]\n\n$/);
    const { exitCode, output } = await starter.closed;
    expect({ exitCode, isStopped: output.includes('"msg":"stopped"') }).toEqual({
      exitCode: 0,
      isStopped: true,
    });
  });
});
