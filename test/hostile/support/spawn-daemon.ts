import { spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { cleanEnvironment, cliPath } from "../../e2e/support/cli-path.ts";

/** A connection that is kept may be closed for others, at the moment at which a request is sent over it. */
const ownConnection = { connection: "close" };

/** A daemon whose log the test does not read by itself, or whose shell sets limits first. */
export interface SpawnedDaemon extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
  readonly exited: Promise<{ readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Asks again and again until the model answers; rejects when the daemon ends before. */
  ready(): Promise<void>;
  /** The value of a metric without labels. */
  metric(name: string): Promise<number>;
  /** Answers the text of a completion. */
  complete(): Promise<string>;
}

/** Takes a port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

export interface SpawnOptions {
  readonly args?: readonly string[];
  /** Options of Node.js itself. */
  readonly nodeArgs?: readonly string[];
  /** Shell text before `exec`, such as `ulimit -n 64;`. */
  readonly before?: string;
  /** Shell text after the command, such as `2>/dev/full`. */
  readonly after?: string;
  readonly directory?: string;
}

/** Starts `infernode serve` through a shell; the shell is replaced by the daemon. */
export async function spawnDaemon(options: SpawnOptions = {}): Promise<SpawnedDaemon> {
  const { args = [], nodeArgs = [], before = "", after = "" } = options;
  const port = await freePort();
  const words = [process.execPath, ...nodeArgs, cliPath, "serve", "--port", String(port), ...args];
  const quoted = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
  const child = spawn("bash", ["-c", `${before} exec ${quoted} ${after}`], {
    env: cleanEnvironment(),
    cwd: options.directory,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on("exit", (exitCode, signal) => resolve({ exitCode, signal }));
  });
  const url = `http://127.0.0.1:${port}`;
  let hasEnded = false;
  void exited.then(() => (hasEnded = true));
  return {
    url,
    child,
    exited,
    async ready() {
      for (;;) {
        if (hasEnded) throw new Error(`the daemon ended: ${JSON.stringify(await exited)}`);
        const response = await fetch(`${url}/health/ready`, { headers: ownConnection }).catch(
          () => undefined,
        );
        await response?.arrayBuffer();
        if (response?.ok) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async metric(name) {
      const text = await (await fetch(`${url}/metrics`, { headers: ownConnection })).text();
      return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
    },
    async complete() {
      const response = await fetch(`${url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", ...ownConnection },
        body: JSON.stringify({ model: "infernode-stories", prompt: "Once", max_tokens: 4, ignore_eos: true }),
      });
      const { choices } = (await response.json()) as {
        readonly choices: readonly { readonly text: string }[];
      };
      return choices[0]?.text ?? "";
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
