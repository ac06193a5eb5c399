import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "../../lib/random.ts";
import type { Question } from "../support/ask.ts";
import { startHonestLoad } from "../support/honest-load.ts";
import { openRawClient, postHead, postText } from "../support/raw-client.ts";
import { createVerdict, type Scenario } from "../support/scenario.ts";
import { createTally, isCut, isServerError, isWhole } from "../support/tally.ts";

/** What a client has sent when it disconnects; the last two differ in what it waits for. */
const moments = ["headers", "body", "queue", "stream"] as const;

interface Vanishing {
  readonly port: number;
  readonly model: string;
  readonly index: number;
  readonly waitMs: number;
}

async function vanish({ port, model, index, waitMs }: Vanishing): Promise<void> {
  const moment = moments[index % moments.length];
  const client = await openRawClient(port);
  const body = {
    model,
    prompt: "Once upon a time",
    max_tokens: 900,
    ignore_eos: true,
    stream: index % 8 < 4,
  };
  const whole = postText("/v1/completions", moment === "stream" ? { ...body, stream: true } : body);
  if (moment === "headers") client.write("POST /v1/completions HTTP/1.1\r\nhost: local");
  else if (moment === "body") client.write(whole.slice(0, postHead("/v1/completions", 100).length + 20));
  else client.write(whole);
  const endsAt = performance.now() + 10_000;
  // The stream may wait in the queue first.
  const mayStart = (): boolean => client.isOpen && performance.now() < endsAt;
  if (moment === "stream") while (mayStart() && !client.received.includes("data:")) await sleep(10);
  await sleep(waitMs);
  client.destroy();
  await client.closed;
}

/** Clients that disconnect within the headers, in the body, in the queue, and in the stream. */
export const vanishing: Scenario = {
  name: "vanish",
  summary: "clients vanish in the headers, the body, the queue and the stream",
  run: async ({ isQuick, start }) => {
    const clientCount = isQuick ? 80 : 500;
    const waveSize = isQuick ? 40 : 100;
    const verdict = createVerdict();
    const honest = createTally();
    await using daemon = await start();
    const { url, port, model } = daemon;
    const random = createRandom(2);
    const question = (client: number, round: number): Question => ({
      path: "/v1/completions",
      body: { model, prompt: "A dog and a cat", max_tokens: 8, stream: (client + round) % 2 === 0 },
    });
    const wave = async (size: number): Promise<void> => {
      const waits = Array.from({ length: size }, () => random() * 50);
      await Promise.all(waits.map((waitMs, index) => vanish({ port, model, index, waitMs })));
    };
    const isIdle = async (): Promise<boolean> =>
      (await daemon.metric("vllm:num_requests_running")) === 0 &&
      (await daemon.metric("vllm:num_requests_waiting")) === 0;

    // The first wave warms up: code is compiled, buffers are allocated.
    await wave(waveSize);
    await daemon.waitFor(isIdle, 10_000);
    const startUsage = daemon.daemonUsage();
    const startEngine = daemon.engineUsage();
    const load = startHonestLoad({
      url,
      clientCount: 4,
      question,
      onOutcome: (outcome) => honest.add(outcome),
    });
    for (let vanished = 0; vanished < clientCount; vanished += waveSize) await wave(waveSize);
    await load.stop();
    const endedAt = performance.now();
    const becameIdle = await daemon.waitFor(isIdle, 15_000);
    const idleAfterMs = Math.round(performance.now() - endedAt);
    const areDescriptorsBack = await daemon.waitFor(
      () => daemon.daemonUsage().descriptorCount <= startUsage.descriptorCount + 2,
      10_000,
    );
    const endUsage = daemon.daemonUsage();
    const endEngine = daemon.engineUsage();

    verdict.expect(daemon.isRunning, `the daemon ended:\n${daemon.lastLines()}`);
    verdict.expect(becameIdle, "running and waiting did not return to 0 within 15 s");
    verdict.expect(
      areDescriptorsBack,
      `descriptors: ${startUsage.descriptorCount} before, ${endUsage.descriptorCount} after`,
    );
    verdict.expect(honest.count(isWhole) > 0, "no other client was answered");
    verdict.expect(honest.count(isCut) === 0, `others were cut: ${honest.describe()}`);
    verdict.expect(honest.count(isServerError) === 0, `others got 5xx: ${honest.describe()}`);
    for (const [what, from, to] of [
      ["daemon", startUsage, endUsage],
      ["engine", startEngine, endEngine],
    ] as const) {
      verdict.expect(
        to.rssMiB - from.rssMiB < 64,
        `the ${what} grew from ${from.rssMiB} to ${to.rssMiB} MiB`,
      );
    }
    return {
      figures: {
        vanished: clientCount,
        others: honest.describe(),
        idleAfterMs,
        daemonRssMiB: `${startUsage.rssMiB} → ${endUsage.rssMiB}`,
        engineRssMiB: `${startEngine.rssMiB} → ${endEngine.rssMiB}`,
        descriptors: `${startUsage.descriptorCount} → ${endUsage.descriptorCount}`,
      },
      faults: verdict.faults,
    };
  },
};
