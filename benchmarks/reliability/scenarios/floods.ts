import { setTimeout as sleep } from "node:timers/promises";
import { median, quantile } from "../../lib/statistics.ts";
import { ask, type Question } from "../support/ask.ts";
import { startHonestLoad } from "../support/honest-load.ts";
import { makeLongContextModel } from "../support/long-context-model.ts";
import { openRawClient, postText } from "../support/raw-client.ts";
import { createVerdict, type Scenario } from "../support/scenario.ts";
import { createTally, isWhole } from "../support/tally.ts";
import type { WatchedDaemon } from "../support/watched-daemon.ts";

/** More than the longest text. */
const contextTokens = 16_384;

interface Answers {
  readonly ms: readonly number[];
  readonly failures: string;
}

/** Times requests one after the other. */
async function measure(url: string, question: Question, durationMs: number): Promise<Answers> {
  const tally = createTally();
  const ms: number[] = [];
  const endsAt = performance.now() + durationMs;
  do {
    const outcome = await ask(url, question);
    tally.add(outcome);
    ms.push(outcome.ms);
    await sleep(10);
  } while (performance.now() < endsAt);
  return { ms, failures: tally.count((key) => !isWhole(key)) === 0 ? "" : tally.describe() };
}

const sentence = "a fox and a dog went to the sea ";
/** Texts below and above 16,384 characters, which once were encoded on the engine's loop. */
const mediumText = sentence.repeat(500);
const longText = sentence.repeat(1200);

/** Clients that call `/tokenize` without a pause. */
function floodTokenize({ url, model }: WatchedDaemon): () => Promise<void> {
  const load = startHonestLoad({
    url,
    clientCount: 32,
    question: () => ({ path: "/tokenize", body: { model, prompt: mediumText } }),
    onOutcome: () => undefined,
  });
  return () => load.stop();
}

/**
 * Clients that send a long prompt and disconnect before it is computed; about 150 a second, which the HTTP server
 * handles easily.
 */
function floodDropped({ port, model }: WatchedDaemon): () => Promise<void> {
  const stopping = new AbortController();
  const request = postText("/v1/completions", { model, prompt: longText, max_tokens: 1 });
  const client = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const connection = await openRawClient(port);
      connection.write(request);
      await sleep(5);
      connection.destroy();
      await sleep(45);
    }
  };
  const clients = Array.from({ length: 8 }, client);
  return async () => {
    stopping.abort();
    await Promise.all(clients);
  };
}

/** A flood of cheap requests beside a small chat. */
export const floods: Scenario = {
  name: "floods",
  summary: "a flood of /tokenize and of dropped long prompts beside a small chat",
  run: async ({ isQuick, start }) => {
    const durationMs = isQuick ? 1000 : 8000;
    const verdict = createVerdict();
    const figures: Record<string, number | string> = {};
    await using long = await makeLongContextModel(contextTokens);
    await using daemon = await start({ args: ["--model", long.directory, "--max-sequences", "4"] });
    const { url, model } = daemon;
    const messages = [{ role: "user", content: "A fox" }];
    const limits = { maxRatio: 20, maxP99Ms: isQuick ? 2000 : 500 };
    const questions: readonly (readonly [string, Question, typeof limits])[] = [
      ["small chat", { path: "/v1/chat/completions", body: { model, messages, max_tokens: 4 } }, limits],
      // Its fair share among 32 others.
      [
        "long /tokenize",
        { path: "/tokenize", body: { model, prompt: longText } },
        { maxRatio: 40, maxP99Ms: 2000 },
      ],
    ];
    for (const [what, question, { maxRatio, maxP99Ms }] of questions) {
      await measure(url, question, 300);
      const alone = await measure(url, question, durationMs);
      figures[`${what} alone: ms median, p99`] = describeMs(alone.ms);
      for (const [name, flood] of [
        ["/tokenize", floodTokenize],
        ["dropped prompts", floodDropped],
      ] as const) {
        const stop = flood(daemon);
        await sleep(200);
        const beside = await measure(url, question, durationMs);
        await stop();
        const ratio = ratioOf(beside.ms, alone.ms);
        figures[`${what} beside ${name}: ms median, p99`] = describeMs(beside.ms);
        figures[`${what} beside ${name}: ratio of medians`] = ratio;
        verdict.expect(beside.failures === "", `${what} beside ${name}: ${beside.failures}`);
        verdict.expect(ratio < maxRatio, `${what} beside ${name}: takes ${ratio} times as long as alone`);
        const p99 = quantile(beside.ms, 0.99);
        verdict.expect(p99 < maxP99Ms, `${what} beside ${name}: ${Math.round(p99)} ms (99th percentile)`);
        const isCalm = await daemon.waitFor(
          async () => (await daemon.metric("vllm:num_requests_waiting")) === 0,
          10_000,
        );
        verdict.expect(isCalm, `${name}: requests were waiting 10 s after the flood`);
      }
    }
    verdict.expect(daemon.isRunning, `the daemon ended:\n${daemon.lastLines()}`);
    return { figures, faults: verdict.faults };
  },
};

function describeMs(ms: readonly number[]): string {
  return `${median(ms).toFixed(1)}, ${quantile(ms, 0.99).toFixed(1)}`;
}

function ratioOf(beside: readonly number[], alone: readonly number[]): number {
  return Math.round((median(beside) / median(alone)) * 10) / 10;
}
