import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "../../lib/random.ts";
import { quantile } from "../../lib/statistics.ts";
import { ask, type Question } from "../support/ask.ts";
import { startLatencyProbe } from "../support/latency-probe.ts";
import { openRawClient, postHead } from "../support/raw-client.ts";
import { createVerdict, type Scenario } from "../support/scenario.ts";
import { createTally, isCut, isServerError, isWhole } from "../support/tally.ts";
import type { WatchedDaemon } from "../support/watched-daemon.ts";

interface Sample {
  readonly minute: number;
  readonly daemonMiB: number;
  readonly engineMiB: number;
  readonly descriptors: number;
}

/** Requests of normal and of hostile clients; each kind is equally likely. */
function questions(model: string, random: () => number): readonly (() => Question)[] {
  const messages = [
    { role: "system", content: "You tell stories." },
    { role: "user", content: "A story about a fox, please." },
  ];
  const chat = "/v1/chat/completions";
  const complete = "/v1/completions";
  const tokens = (): number => 4 + Math.floor(random() * 60);
  const prompt = (): string => "Once upon a time there was a fox. ".repeat(1 + Math.floor(random() * 20));
  return [
    () => ({ path: chat, body: { model, messages, max_tokens: tokens() } }),
    () => ({ path: chat, body: { model, messages, max_tokens: tokens(), stream: true } }),
    () => ({ path: chat, body: { model, messages, max_tokens: tokens(), logprobs: true, top_logprobs: 5 } }),
    () => ({ path: complete, body: { model, prompt: prompt(), max_tokens: tokens() } }),
    () => ({ path: complete, body: { model, prompt: prompt(), max_tokens: tokens(), stream: true } }),
    () => ({ path: complete, body: { model, prompt: prompt(), max_tokens: tokens(), n: 3, logprobs: 2 } }),
    () => ({ path: "/tokenize", body: { model, prompt: prompt() } }),
    () => ({ path: "/detokenize", body: { model, tokens: [5, 6, 7] } }),
    // Errors: an unknown parameter, an unknown model, a prompt longer than the context, an empty body.
    () => ({ path: chat, body: { model, messages, temprature: 1 } }),
    () => ({ path: chat, body: { model: "nobody", messages } }),
    () => ({ path: complete, body: { model, prompt: "a fox ".repeat(3000) } }),
    () => ({ path: complete, body: {} }),
  ];
}

async function sendHalf({ port }: WatchedDaemon, random: () => number): Promise<void> {
  const client = await openRawClient(port);
  client.write(random() < 0.5 ? "POST /v1/comp" : `${postHead("/v1/completions", 5000)}{"model":`);
  await sleep(random() * 200);
  client.destroy();
}

async function sendOversized({ port }: WatchedDaemon): Promise<boolean> {
  const client = await openRawClient(port);
  client.write(postHead("/v1/completions", 64 * 2 ** 20).replace("host:", "connection: close\r\nhost:"));
  client.write(Buffer.alloc(65_536, 97));
  const endsAt = performance.now() + 5000;
  const mayWait = (): boolean => client.isOpen && performance.now() < endsAt;
  while (mayWait() && !client.received.includes("\r\n\r\n")) await sleep(5);
  client.destroy();
  return client.received.startsWith("HTTP/1.1 413");
}

/** Mixed load for minutes. */
export const soak: Scenario = {
  name: "soak",
  summary: "10 minutes of mixed load, errors, cancelled, half and oversized requests: no growth, no 5xx",
  run: async ({ isQuick, start }) => {
    const durationMs = isQuick ? 8000 : 600_000;
    const sampleMs = isQuick ? 1000 : 10_000;
    const warmUpMs = durationMs / 10;
    const verdict = createVerdict();
    const tally = createTally();
    const samples: Sample[] = [];
    let oversizedCount = 0;
    let oversizedRefused = 0;
    let halfCount = 0;
    await using daemon = await start();
    const { url, model } = daemon;
    const agent = new Agent({ keepAlive: true });
    const startedAt = performance.now();
    const elapsed = (): number => performance.now() - startedAt;
    const isOver = (): boolean => elapsed() >= durationMs || !daemon.isRunning;
    const probe = startLatencyProbe(url, 200);

    const client = async (index: number): Promise<void> => {
      const random = createRandom(index);
      const kinds = questions(model, random);
      while (!isOver()) {
        const kind = Math.floor(random() * (kinds.length + 3));
        const make = kinds[kind];
        if (make !== undefined) {
          tally.add(await ask(url, make(), { agent }));
        } else if (kind === kinds.length) {
          const signal = AbortSignal.timeout(5 + Math.floor(random() * 100));
          const body = { model, prompt: "A fox", max_tokens: 900, ignore_eos: true, stream: random() < 0.5 };
          tally.add(await ask(url, { path: "/v1/completions", body }, { signal }));
        } else if (kind === kinds.length + 1) {
          halfCount += 1;
          await sendHalf(daemon, random);
        } else {
          oversizedCount += 1;
          if (await sendOversized(daemon)) oversizedRefused += 1;
        }
        await sleep(random() * 20);
      }
    };
    const sampler = async (): Promise<void> => {
      while (!isOver()) {
        await sleep(sampleMs);
        const own = daemon.daemonUsage();
        const minute = elapsed() / 60_000;
        const engineMiB = daemon.engineUsage().rssMiB;
        samples.push({ minute, daemonMiB: own.rssMiB, engineMiB, descriptors: own.descriptorCount });
      }
    };
    await Promise.all([...Array.from({ length: 8 }, (_, index) => client(index + 1)), sampler()]);
    const live = await probe.stop();
    const loopLagMs = Math.round(1000 * (await daemon.metric("infernode_event_loop_delay_max_seconds")));
    agent.destroy();

    // The median of the first tenth that is warm, and of the last.
    const inMs = ({ minute }: Sample): number => minute * 60_000;
    const first = samples.filter((each) => inMs(each) >= warmUpMs && inMs(each) < 2 * warmUpMs);
    const last = samples.filter((each) => inMs(each) >= durationMs - warmUpMs);
    const middle = (from: readonly Sample[], key: "daemonMiB" | "engineMiB" | "descriptors"): number =>
      quantile(
        from.map((each) => each[key]),
        0.5,
      );
    const serverErrors = tally.count(isServerError) + tally.count((key) => key.startsWith("error event"));
    verdict.expect(daemon.isRunning, `the daemon ended:\n${daemon.lastLines()}`);
    verdict.expect(serverErrors === 0, `${serverErrors} answers of 5xx or error events: ${tally.describe()}`);
    verdict.expect(tally.count(isCut) === 0, `cut: ${tally.describe()}`);
    verdict.expect(
      oversizedRefused === oversizedCount,
      `${oversizedCount - oversizedRefused} of ${oversizedCount} oversized bodies were not refused with 413`,
    );
    verdict.expect(live.failureCount === 0, `/health/live failed ${live.failureCount} times`);
    verdict.expect(isQuick || live.maxMs < 2000, `/health/live took ${live.maxMs} ms`);
    for (const key of ["daemonMiB", "engineMiB"] as const) {
      const growth = middle(last, key) - middle(first, key);
      // Heaps and allocators vary by some tens of MiB from one minute to the next.
      verdict.expect(growth < 64, `${key} grew by ${growth.toFixed(1)} MiB`);
    }
    verdict.expect(middle(last, "descriptors") - middle(first, "descriptors") < 16, "descriptors grew");
    return {
      figures: {
        seconds: Math.round(durationMs / 1000),
        whole: tally.count(isWhole),
        outcomes: tally.describe(),
        halfRequests: halfCount,
        oversized: oversizedCount,
        daemonMiB: `${middle(first, "daemonMiB")} → ${middle(last, "daemonMiB")}`,
        engineMiB: `${middle(first, "engineMiB")} → ${middle(last, "engineMiB")}`,
        descriptors: `${middle(first, "descriptors")} → ${middle(last, "descriptors")}`,
        eventLoopLagMaxMs: loopLagMs,
        liveP99Ms: live.p99Ms,
        liveMaxMs: live.maxMs,
      },
      faults: verdict.faults,
    };
  },
};
