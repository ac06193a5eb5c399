import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cleanEnvironment, cliPath } from "../e2e/support/cli-path.ts";
import { postJson } from "../e2e/support/post-json.ts";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import { createClient, streamCompletion } from "../e2e/support/stream-chat.ts";

const model = "infernode-stories";

async function roundTrip(daemon: TestDaemon, prompt: string): Promise<string> {
  const post = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const answer = await postJson(daemon.url + path, body);
    expect(answer.status).toBe(200);
    return answer.body;
  };
  const { tokens } = await post("/tokenize", { prompt, add_special_tokens: false });
  const { prompt: text } = await post("/detokenize", { tokens });
  return String(text);
}

describe("an environment that is odd", () => {
  test.each<readonly [string, Readonly<Record<string, string>>]>([
    [
      "locale C, no folders and an empty search path",
      {
        LC_ALL: "C",
        LANG: "C",
        PATH: "",
        HOME: "/nonexistent",
        TMPDIR: "/nonexistent",
        XDG_CACHE_HOME: "/nonexistent",
      },
    ],
    [
      "a locale and a time zone that are not there, and no user",
      { LC_ALL: "xx_YY.UTF-8", TZ: "Nowhere/At_All", USER: "", LOGNAME: "", SHELL: "", TERM: "" },
    ],
  ])("with %s it serves, and keeps the text as it is", async (_, environment) => {
    await using daemon = await startDaemon({ environment });
    const text = "naïve 🦊 Ω ﬁ";
    expect(await roundTrip(daemon, text)).toContain(text);
    const answer = await createClient(daemon.url).completions.create({ model, prompt: "A", max_tokens: 2 });
    expect(answer.usage?.completion_tokens).toBe(2);
  });
});

/** A script that runs in every process before the program, as `NODE_OPTIONS` has it. */
async function usePreload(script: string): Promise<AsyncDisposable & { readonly options: string }> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-preload-"));
  const path = join(directory, "preload.cjs");
  await writeFile(path, script);
  return {
    options: `--require ${path}`,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

test("a system that does not say how much memory a process holds is served on", async () => {
  // As without /proc.
  const failing = "() => { throw new Error('ENOENT: no such file or directory, uv_resident_set_memory'); }";
  await using preload = await usePreload(
    `process.memoryUsage = Object.assign(${failing}, { rss: ${failing} });`,
  );
  await using daemon = await startDaemon({ environment: { NODE_OPTIONS: preload.options } });
  const answer = await createClient(daemon.url).completions.create({ model, prompt: "A", max_tokens: 2 });
  expect(answer.usage?.completion_tokens).toBe(2);
  for (const path of ["/metrics", "/health", "/v1/system/devices"]) {
    expect([path, (await fetch(daemon.url + path)).status]).toEqual([path, 200]);
  }
});

describe("a clock that jumps", () => {
  test("by an hour, back and forth, changes nothing for who is answered", async () => {
    // The wall clock alone jumps, back and forth, as when it is set; the monotonic one goes on.
    await using preload = await usePreload(
      `const { now } = Date; let jump = 0; Date.now = () => now() + jump;
       setInterval(() => { jump = jump > 0 ? -3.6e6 : 3.6e6; }, 50).unref();`,
    );
    await using daemon = await startDaemon({ environment: { NODE_OPTIONS: preload.options } });
    const streams = Array.from({ length: 4 }, () =>
      streamCompletion(createClient(daemon.url), { model, maxTokens: 300 }),
    );
    for (const { ended } of streams) expect(await ended).toMatchObject({ finishReason: "length" });
    expect((await fetch(`${daemon.url}/health`)).status).toBe(200);
    expect(daemon.logs.map(({ msg }) => msg)).not.toContain("engine hung");
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
  });
});

describe("output that nobody reads", () => {
  test("closed standard output and error do not end it", async () => {
    const child = spawn(process.execPath, [cliPath, "serve", "--port", "0", "--log-format", "json"], {
      env: cleanEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const exited = new Promise<number | null>((resolve) => {
      child.on("exit", resolve);
    });
    try {
      child.stdout.destroy();
      const url = await new Promise<string>((resolve, reject) => {
        let text = "";
        child.stderr.setEncoding("utf8").on("data", (part: string) => {
          text += part;
          const found = /"url":"([^"]+)"[^\n]*"msg":"ready"/.exec(text)?.[1];
          if (found !== undefined) resolve(found);
        });
        child.on("exit", () => reject(new Error(`it ended:\n${text}`)));
      });
      child.stderr.destroy();
      // Each request is a line of the log.
      for (let count = 0; count < 20; count += 1) {
        const answer = await createClient(url).completions.create({ model, prompt: "A", max_tokens: 2 });
        expect(answer.usage?.completion_tokens).toBe(2);
      }
      child.kill("SIGTERM");
      expect(await exited).toBe(0);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
