import { setTimeout as sleep } from "node:timers/promises";
import { quantile } from "../../lib/statistics.ts";
import { startHonestLoad } from "../support/honest-load.ts";
import { startLatencyProbe, type Latency } from "../support/latency-probe.ts";
import { makeMemoryCgroup } from "../support/memory-cgroup.ts";
import { openRawClient, postHead } from "../support/raw-client.ts";
import { createVerdict, type Figures, type Scenario } from "../support/scenario.ts";
import { createTally, isWhole } from "../support/tally.ts";
import type { WatchedDaemon } from "../support/watched-daemon.ts";

const bodyBytes = 8 * 2 ** 20 - 1024;
const headBytes = 512;
const containerBytes = 600 * 2 ** 20;

interface Measured {
  readonly peakDaemonMiB: number;
  readonly peakTotalMiB: number;
  readonly live: Latency;
  readonly chatMs: readonly number[];
  readonly chatFailures: string;
  readonly answers: string;
}

/** The bodies are sent half, then completed; a small chat and `/health/live` are measured meanwhile. */
async function measure(daemon: WatchedDaemon, clientCount: number, holdMs: number): Promise<Measured> {
  const { url, port, model } = daemon;
  const chats = createTally();
  let peakDaemonMiB = 0;
  let peakTotalMiB = 0;
  const watch = setInterval(() => {
    const daemonMiB = daemon.daemonUsage().rssMiB;
    peakDaemonMiB = Math.max(peakDaemonMiB, daemonMiB);
    peakTotalMiB = Math.max(peakTotalMiB, daemonMiB + daemon.engineUsage().rssMiB);
  }, 20);
  const probe = startLatencyProbe(url);
  const load = startHonestLoad({
    url,
    clientCount: 1,
    question: () => ({
      path: "/v1/chat/completions",
      body: { model, messages: [{ role: "user", content: "A fox" }], max_tokens: 4 },
    }),
    onOutcome: (outcome) => chats.add(outcome),
  });
  const start = `{"model":${JSON.stringify(model)},"max_tokens":1,"prompt":"`;
  const filling = Buffer.alloc(bodyBytes - start.length - 2, "a fox and a dog ");
  const half = filling.byteLength / 2;
  const clients = await Promise.all(
    Array.from({ length: clientCount }, async () => {
      const client = await openRawClient(port);
      client.write(
        postHead("/v1/completions", bodyBytes).replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"),
      );
      client.write(start);
      client.write(filling.subarray(0, half));
      return client;
    }),
  );
  await sleep(holdMs);
  for (const client of clients) {
    client.write(filling.subarray(half));
    client.write('"}');
  }
  await Promise.race([Promise.all(clients.map(({ closed }) => closed)), sleep(60_000)]);
  clearInterval(watch);
  const answers = new Map<string, number>();
  for (const client of clients) {
    const status = /^HTTP\/1\.1 (\d+)/.exec(client.received.slice(0, headBytes))?.[1];
    const key = status ?? (client.isOpen ? "no answer" : "closed without an answer");
    answers.set(key, (answers.get(key) ?? 0) + 1);
    client.destroy();
  }
  await load.stop();
  const live = await probe.stop();
  return {
    peakDaemonMiB: Math.round(peakDaemonMiB),
    peakTotalMiB: Math.round(peakTotalMiB),
    live,
    chatMs: chats.wholeMs,
    chatFailures: chats.count((key) => !isWhole(key)) === 0 ? "" : chats.describe(),
    answers: [...answers].map(([key, count]) => `${key} × ${count}`).join(", "),
  };
}

/** Clients that send bodies of 8 MiB at the same time. */
export const bodies: Scenario = {
  name: "bodies",
  summary: "80 and 200 clients send 8 MiB at the same time, held half sent and then whole",
  run: async ({ isQuick, start }) => {
    const verdict = createVerdict();
    const figures: Record<string, number | string> = {};
    for (const clientCount of isQuick ? [40] : [80, 200]) {
      // With an earlier default limit, so that the bodies are accepted, and with the default.
      for (const args of [["--body-limit", "8MiB"], []]) {
        using container = makeMemoryCgroup(containerBytes);
        await using daemon = await start({ args, enter: container?.enter });
        const enginePid = daemon.enginePid;
        const name = `${clientCount}${args.length === 0 ? "DefaultLimit" : ""}`;
        const startMiB = daemon.daemonUsage().rssMiB;
        const result = await measure(daemon, clientCount, isQuick ? 500 : 2000);
        verdict.expect(daemon.isRunning, `${name}: the daemon ended:\n${daemon.lastLines()}`);
        verdict.expect(daemon.enginePid === enginePid, `${name}: the engine ended:\n${daemon.lastLines()}`);
        // Without a container the body budget depends on the machine's memory, up to 512 MiB.
        const limitMiB = container === undefined ? 1024 : containerBytes / 2 ** 20;
        verdict.expect(
          result.peakTotalMiB < limitMiB,
          `${name}: daemon and engine held ${result.peakTotalMiB} MiB, expected less than ${limitMiB}`,
        );
        verdict.expect(result.live.failureCount === 0, `${name}: /health/live failed`);
        verdict.expect(
          result.live.p99Ms < 1000,
          `${name}: /health/live took ${result.live.p99Ms} ms (99th percentile)`,
        );
        verdict.expect(result.chatFailures === "", `${name}: small chats failed: ${result.chatFailures}`);
        verdict.expect(!/no answer|without/.test(result.answers), `${name}: ${result.answers}`);
        figures["container"] = container === undefined ? "none: no cgroup to write to" : "600 MiB";
        Object.assign(figures, figuresOf(name, startMiB, result));
      }
    }
    return { figures, faults: verdict.faults };
  },
};

function figuresOf(name: string, startMiB: number, result: Measured): Figures {
  return {
    [`${name}: answers`]: result.answers,
    [`${name}: daemonRssMiB`]: `${startMiB} → ${result.peakDaemonMiB}`,
    [`${name}: daemonAndEngineMiB`]: result.peakTotalMiB,
    [`${name}: liveMs p99, max`]: `${result.live.p99Ms}, ${result.live.maxMs}`,
    [`${name}: chatMs median, max`]: `${Math.round(quantile(result.chatMs, 0.5))}, ${Math.round(quantile(result.chatMs, 1))}`,
  };
}
