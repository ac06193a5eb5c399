import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, type Outcome } from "../support/ask.ts";
import { openRawClient, postHead, postText, type RawClient } from "../support/raw-client.ts";
import { createVerdict, type Scenario } from "../support/scenario.ts";
import type { WatchedDaemon } from "../support/watched-daemon.ts";

type Situation = (daemon: WatchedDaemon) => Promise<readonly RawClient[]>;

const each =
  (count: number, open: (daemon: WatchedDaemon) => Promise<RawClient>): Situation =>
  (daemon) =>
    Promise.all(Array.from({ length: count }, async () => open(daemon)));

const halfHeaders = each(5, async ({ port }) => {
  const client = await openRawClient(port);
  client.write("POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-");
  return client;
});
const halfBodies = each(5, async ({ port }) => {
  const client = await openRawClient(port);
  client.write(`${postHead("/v1/completions", 1000)}{"model":`);
  return client;
});
const idle = each(5, async ({ port }) => {
  const client = await openRawClient(port);
  client.write("GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n");
  return client;
});
const unused = each(5, async ({ port }) => openRawClient(port));
const bodyOf = (model: string): Readonly<Record<string, unknown>> => ({
  model,
  prompt: "Once upon a time",
  n: 16,
  max_tokens: 1000,
  ignore_eos: true,
  logprobs: 20,
  stream: true,
});
const nonReaders = each(3, async ({ port, model }) => {
  const client = await openRawClient(port);
  client.pause();
  client.write(postText("/v1/completions", bodyOf(model)));
  return client;
});
const streams = each(3, async ({ port, model }) => {
  const client = await openRawClient(port);
  client.write(postText("/v1/completions", bodyOf(model)));
  return client;
});

const situations: readonly (readonly [string, Situation])[] = [
  ["nothing", async () => []],
  ["unused connections", unused],
  ["idle kept alive", idle],
  ["half headers", halfHeaders],
  ["half bodies", halfBodies],
  ["running streams", streams],
  ["readers that read nothing", nonReaders],
  [
    "all of them",
    async (daemon) => {
      const all = [unused, idle, halfHeaders, halfBodies, streams, nonReaders];
      return (await Promise.all(all.map(async (situation) => situation(daemon)))).flat();
    },
  ],
];

interface Ended {
  readonly ms: number;
  readonly exitCode: number | null | "still running";
}

async function endBy(daemon: WatchedDaemon, signals: readonly NodeJS.Signals[]): Promise<Ended> {
  const startedAt = performance.now();
  for (const signal of signals) {
    daemon.signal(signal);
    await sleep(300);
  }
  const exit = await Promise.race([daemon.exited, sleep(40_000, undefined)]);
  return { ms: Math.round(performance.now() - startedAt), exitCode: exit?.exitCode ?? "still running" };
}

/** SIGTERM while connections are in every state. */
export const shutdown: Scenario = {
  name: "shutdown",
  summary: "SIGTERM with connections in every state: ends within the drain timeout, exit code 0",
  run: async ({ isQuick, start }) => {
    const drainMs = isQuick ? 1000 : 3000;
    // After the drain: the engine process and the threads exit.
    const allowedMs = drainMs + 2000;
    const verdict = createVerdict();
    const figures: Record<string, number | string> = { drainMs };
    const args = ["--drain-timeout", String(drainMs)];
    const chosen = isQuick ? situations.slice(-1) : situations;
    for (const [name, situation] of chosen) {
      await using daemon = await start({ args });
      const clients = await situation(daemon);
      await sleep(300);
      const { ms, exitCode } = await endBy(daemon, ["SIGTERM"]);
      for (const client of clients) client.destroy();
      figures[`${name}: exitMs`] = ms;
      verdict.expect(exitCode === 0, `${name}: ended with ${exitCode}`);
      verdict.expect(ms <= allowedMs, `${name}: ended after ${ms} ms, expected at most ${allowedMs}`);
    }
    for (const signals of [
      ["SIGTERM", "SIGTERM"],
      ["SIGINT", "SIGINT"],
    ] as const) {
      await using daemon = await start({ args: ["--drain-timeout", "30000"] });
      const clients = [...(await halfBodies(daemon)), ...(await streams(daemon))];
      await sleep(100);
      const { ms, exitCode } = await endBy(daemon, signals);
      for (const client of clients) client.destroy();
      figures[`${signals.join(" ")}: exitMs`] = ms;
      verdict.expect(exitCode !== "still running" && ms < 2500, `${signals.join(" ")}: ended after ${ms} ms`);
    }
    const lost = await askWhileDraining(start, drainMs);
    figures["while draining"] = lost.outcomes;
    verdict.expect(
      lost.cutCount === 0,
      `while draining: ${lost.cutCount} kept-alive requests were reset unanswered`,
    );
    return { figures, faults: verdict.faults };
  },
};

function keyOf(outcome: Outcome): string {
  if (outcome.kind === "refused") return String(outcome.status);
  return outcome.kind === "cut" ? outcome.why : outcome.kind;
}

/** Requests on kept-alive connections while the daemon drains: each gets a response, or its connection was closed before. */
async function askWhileDraining(
  start: (options: { readonly args: readonly string[] }) => Promise<WatchedDaemon>,
  drainMs: number,
): Promise<{ readonly outcomes: string; readonly cutCount: number }> {
  await using daemon = await start({ args: ["--drain-timeout", String(drainMs)] });
  const { url, model, port } = daemon;
  const running = await openRawClient(port);
  running.write(postText("/v1/completions", bodyOf(model)));
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const question = { path: "/tokenize", body: { model, prompt: "A fox" } };
  const counts = new Map<string, number>();
  let cutCount = 0;
  const client = async (): Promise<void> => {
    for (;;) {
      const outcome = await ask(url, question, { agent, timeoutMs: 20_000 });
      const key = keyOf(outcome);
      // The port is closed: there was no connection, so no request was lost.
      if (outcome.kind === "cut" && outcome.why.includes("ECONNREFUSED")) return;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      if (outcome.kind === "cut") {
        // A connection that the system accepted and the daemon did not is reset by the system.
        const isNew = /ECONNRESET|hang up/.test(outcome.why) && !outcome.why.includes("kept-alive");
        if (!isNew) cutCount += 1;
        return;
      }
      await sleep(20);
    }
  };
  const clients = Array.from({ length: 8 }, client);
  await sleep(300);
  daemon.signal("SIGTERM");
  await Promise.all(clients);
  running.destroy();
  agent.destroy();
  return { outcomes: [...counts].map(([key, count]) => `${key} × ${count}`).join(", "), cutCount };
}
