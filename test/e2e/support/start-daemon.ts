import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { cleanEnvironment, cliPath } from "./cli-path.ts";

/** One line of the daemon's log. */
export interface LogLine {
  readonly msg: string;
  readonly level: number;
  readonly [field: string]: unknown;
}

export interface DaemonExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A daemon in a process of its own, started as a user starts it. */
export interface TestDaemon extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly logs: readonly LogLine[];
  /** The present engine process, as the log said last; of one model, where the daemon has several. */
  enginePid(model?: string): number;
  /** Resolves with the first line, past or to come, that fits. */
  waitForLog(fits: (line: LogLine) => boolean): Promise<LogLine>;
  signal(signal: NodeJS.Signals): void;
  readonly exited: Promise<DaemonExit>;
  /** The value of a metric with these labels; 0 when it is not there. */
  metric(name: string, labels?: string): Promise<number>;
  /** Resolves when the metric has the value; asks again and again. */
  waitForMetric(name: string, value: number): Promise<void>;
}

export interface StartDaemonOptions {
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Which line to wait for. [ready] */
  readonly until?: "listening" | "ready";
}

/** Starts `infernode serve` on a free port and waits until it is ready. */
export async function startDaemon(options: StartDaemonOptions = {}): Promise<TestDaemon> {
  const args = [cliPath, "serve", "--port", "0", "--log-format", "json", "--log-level", "debug"];
  const child = spawn(process.execPath, [...args, ...(options.args ?? [])], {
    env: { ...cleanEnvironment(), ...options.environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const logs: LogLine[] = [];
  const waiting = new Set<() => void>();
  const exited = new Promise<DaemonExit>((resolve) => {
    child.on("close", (exitCode, signal) => resolve({ exitCode, signal }));
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    logs.push(parseLine(line));
    for (const look of waiting) look();
  });

  const waitForLog = (fits: (line: LogLine) => boolean): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const line = logs.find(fits);
        if (line === undefined) return;
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
      look();
      void exited.then(({ exitCode }) =>
        reject(
          new Error(
            `the daemon ended with ${exitCode}; it wrote:\n${logs.map((each) => JSON.stringify(each)).join("\n")}`,
          ),
        ),
      );
    });

  const until = options.until ?? "ready";
  const { url } = await waitForLog(({ msg }) => msg === until);
  const base = String(url);
  const metric = async (name: string, labels = ""): Promise<number> => {
    const text = await (await fetch(`${base}/metrics`)).text();
    const line = text
      .split("\n")
      .find((each) => each.startsWith(name) && /[ {]/.test(each[name.length] ?? "") && each.includes(labels));
    return Number(line?.split(" ").at(-1) ?? 0);
  };

  return {
    url: base,
    pid: child.pid ?? 0,
    logs,
    enginePid: (model) => {
      const isStart = ({ msg, ...line }: LogLine): boolean =>
        (msg === "engine started" || msg === "engine restarted") &&
        (model === undefined || line["model"] === model);
      return Number(logs.findLast(isStart)?.["pid"] ?? 0);
    },
    waitForLog,
    signal: (signal) => void child.kill(signal),
    exited,
    metric,
    waitForMetric: async (name, value) => {
      // The daemon has no event for an outsider to wait for; the test's own time limit ends this.
      while ((await metric(name)) !== value) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line, level: 0 };
  }
}
