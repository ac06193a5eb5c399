import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { readProcessUsage, type ProcessUsage } from "./process-usage.ts";

export interface StartOptions {
  readonly args?: readonly string[];
  /** A shell command that runs first in the process. */
  readonly enter?: string | undefined;
}

export interface DaemonExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A daemon in its own process, observed from outside: HTTP, signals, its log, and system statistics. */
export interface WatchedDaemon extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly model: string;
  readonly isRunning: boolean;
  readonly exited: Promise<DaemonExit>;
  /** Of the current engine process, from the log. */
  readonly enginePid: number;
  signal(signal: NodeJS.Signals): void;
  isReady(): Promise<boolean>;
  /** Whether the predicate became true in time; it is called every 20 ms while the daemon runs. */
  waitFor(predicate: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean>;
  /** The value of a metric's first series whose labels contain the text; NaN if there is none. */
  metric(name: string, labels?: string): Promise<number>;
  daemonUsage(): ProcessUsage;
  engineUsage(): ProcessUsage;
  /** The last lines of the log, to show why it exited. */
  lastLines(): string;
}

/** The program of this repository. */
export const ownProgram: string = fileURLToPath(
  new URL("../../../../packages/backend/bin/infernode.js", import.meta.url),
);

const keptLines = 20;

/** Starts `serve` on a free port of the loopback and waits until it is ready. */
export async function startWatchedDaemon(
  program: string,
  { args = [], enter = ":" }: StartOptions = {},
): Promise<WatchedDaemon> {
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("INFERNODE_")),
  );
  const options = ["serve", "--port", "0", "--log-format", "json", "--log-level", "info", ...args];
  const child = spawn("sh", ["-c", `${enter}; exec "$@"`, "sh", process.execPath, program, ...options], {
    env: environment,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines: string[] = [];
  let enginePid = 0;
  let url: string | undefined;
  let isReadyLogged = false;
  let isRunning = true;
  const exited = new Promise<DaemonExit>((resolve) => {
    child.on("close", (exitCode, signal) => {
      isRunning = false;
      resolve({ exitCode, signal });
    });
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    // The log has a line for each request: too many to keep.
    if (/"msg":"request( failed)?"/.test(line)) return;
    lines.push(line.slice(0, 400));
    if (lines.length > keptLines) lines.shift();
    const listening = /"url":"(http:[^"]+)".*"msg":"listening"/.exec(line);
    url ??= listening?.[1];
    if (/"msg":"engine (re)?started"/.test(line)) enginePid = Number(/"pid":(\d+)/.exec(line)?.[1] ?? 0);
    if (line.includes('"msg":"ready"')) isReadyLogged = true;
  });
  const waitFor: WatchedDaemon["waitFor"] = async (predicate, timeoutMs) => {
    const endsAt = performance.now() + timeoutMs;
    const mayWait = (): boolean => isRunning && performance.now() < endsAt;
    while (mayWait()) {
      if (await predicate()) return true;
      await sleep(20);
    }
    return predicate();
  };
  if (!(await waitFor(() => isReadyLogged, 60_000)) || url === undefined) {
    child.kill("SIGKILL");
    throw new Error(`the daemon did not become ready; it wrote:\n${lines.join("\n")}`);
  }
  const base = url;
  const models = (await (await fetch(`${base}/v1/models`)).json()) as { data: { id: string }[] };
  return {
    url: base,
    port: Number(new URL(base).port),
    pid: child.pid ?? 0,
    model: models.data[0]?.id ?? "",
    get isRunning() {
      return isRunning;
    },
    exited,
    get enginePid() {
      return enginePid;
    },
    signal: (signal) => void child.kill(signal),
    isReady: () =>
      fetch(`${base}/health/ready`, { signal: AbortSignal.timeout(5000) }).then(
        ({ ok }) => ok,
        () => false,
      ),
    waitFor,
    metric: async (name, labels = "") => {
      const text = await fetch(`${base}/metrics`).then(
        (response) => response.text(),
        () => "",
      );
      const line = text
        .split("\n")
        .find(
          (each) => each.startsWith(name) && /[ {]/.test(each[name.length] ?? "") && each.includes(labels),
        );
      return Number(line?.split(" ").at(-1) ?? Number.NaN);
    },
    daemonUsage: () => readProcessUsage(child.pid ?? 0),
    engineUsage: () => readProcessUsage(enginePid),
    lastLines: () => lines.join("\n"),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
