import { setTimeout as sleep } from "node:timers/promises";
import { startHonestLoad } from "../support/honest-load.ts";
import { openRawClient, postText, type RawClient } from "../support/raw-client.ts";
import { createVerdict, type Scenario } from "../support/scenario.ts";
import { createTally, isWhole } from "../support/tally.ts";
import type { WatchedDaemon } from "../support/watched-daemon.ts";

const tokensPerAnswer = 32;

/** Answers per second of two normal clients meanwhile. */
async function measureOthers(
  daemon: WatchedDaemon,
  during: () => Promise<void>,
): Promise<{ readonly answersPerSecond: number; readonly failures: string }> {
  const tally = createTally();
  const { url, model } = daemon;
  const body = {
    model,
    prompt: "Once upon a time",
    max_tokens: tokensPerAnswer,
    ignore_eos: true,
    stream: true,
  };
  const load = startHonestLoad({
    url,
    clientCount: 2,
    question: () => ({ path: "/v1/completions", body }),
    onOutcome: (outcome) => tally.add(outcome),
  });
  const startedAt = performance.now();
  await during();
  await load.stop();
  const seconds = (performance.now() - startedAt) / 1000;
  const whole = tally.count(isWhole);
  return {
    answersPerSecond: Math.round((whole / seconds) * 10) / 10,
    failures: tally.count((key) => !isWhole(key)) === 0 ? "" : tally.describe(),
  };
}

/** What the slow readers request; both are larger than the system's buffers. */
function requestsOf(model: string): readonly string[] {
  const body = {
    model,
    prompt: "Once upon a time",
    n: 4,
    max_tokens: 900,
    ignore_eos: true,
    logprobs: 20,
    stream: true,
  };
  const close = (text: string): string => text.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
  const asset = "GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nhost: localhost\r\n\r\n";
  return [close(postText("/v1/completions", body)), `${asset.repeat(7)}${close(asset)}`];
}

/** One in this many requests a stream, which costs much more. */
const streamEvery = 5;

/** Clients that read nothing, or a byte a second. */
export const slowReaders: Scenario = {
  name: "slow-readers",
  summary:
    "readers that read nothing or a byte a second: cut after writeTimeoutMs or served, others unaffected",
  run: async ({ isQuick, start }) => {
    const readerCount = isQuick ? 10 : 50;
    const writeTimeoutMs = isQuick ? 1000 : 3000;
    const verdict = createVerdict();
    const args = ["--write-timeout", String(writeTimeoutMs), "--max-sequences", "64"];
    await using daemon = await start({ args });
    const [stream = "", assets = ""] = requestsOf(daemon.model);
    const openAll = (slowDown: (client: RawClient, index: number) => void): Promise<readonly RawClient[]> =>
      Promise.all(
        Array.from({ length: readerCount }, async (_, index) => {
          const client = await openRawClient(daemon.port);
          slowDown(client, index);
          client.write(index % streamEvery === 0 ? stream : assets);
          return client;
        }),
      );
    const startUsage = daemon.daemonUsage();

    // The same requests from clients that read: the same work, so the others should get the same share.
    let readers: readonly RawClient[] = [];
    const beside = await measureOthers(daemon, async () => {
      readers = await openAll(() => undefined);
      await Promise.all(readers.map(({ closed }) => closed));
    });
    const readWhole = readers.filter(({ received }) => isWholeAnswer(received)).length;

    let peakMiB = 0;
    let allClosed = false;
    const startedAt = performance.now();
    const slow = await measureOthers(daemon, async () => {
      readers = await openAll((client, index) => {
        if (index % 2 === 0) client.pause();
        else client.readSlowly(1);
      });
      await sleep(500);
      // Two for the others, and two for the probes.
      allClosed = await daemon.waitFor(() => {
        const { rssMiB, descriptorCount } = daemon.daemonUsage();
        peakMiB = Math.max(peakMiB, rssMiB);
        return descriptorCount <= startUsage.descriptorCount + 4;
      }, 120_000);
    });
    const closedAfterMs = performance.now() - startedAt;
    for (const reader of readers) reader.readAll();
    if (allClosed) await Promise.race([Promise.all(readers.map(({ closed }) => closed)), sleep(10_000)]);
    const served = readers.filter(({ received }) => isWholeAnswer(received)).length;
    for (const reader of readers) reader.destroy();
    const becameIdle = await daemon.waitFor(
      async () =>
        (await daemon.metric("vllm:num_requests_running")) === 0 &&
        (await daemon.metric("vllm:num_requests_waiting")) === 0,
      15_000,
    );
    const ratio = slow.answersPerSecond / beside.answersPerSecond;

    verdict.expect(daemon.isRunning, `the daemon ended:\n${daemon.lastLines()}`);
    verdict.expect(
      readWhole === readerCount,
      `only ${readWhole} of ${readerCount} readers that read were served`,
    );
    verdict.expect(allClosed, "connections of slow readers were still open after 120 s");
    verdict.expect(becameIdle, "running and waiting did not return to 0");
    verdict.expect(slow.failures === "", `others failed beside the slow readers: ${slow.failures}`);
    verdict.expect(ratio > 0.7, `others got ${ratio.toFixed(2)} of what they get beside fast readers`);
    return {
      figures: {
        readers: readerCount,
        writeTimeoutMs,
        cut: readerCount - served,
        served,
        allClosedAfterMs: Math.round(closedAfterMs),
        "others beside fast readers, answers/s": beside.answersPerSecond,
        "others beside slow readers, answers/s": slow.answersPerSecond,
        ratio: Math.round(ratio * 100) / 100,
        daemonPeakRssMiB: `${startUsage.rssMiB} → ${peakMiB}`,
      },
      faults: verdict.faults,
    };
  },
};

/** The end of a stream, or of the assets. */
function isWholeAnswer(received: string): boolean {
  return received.endsWith("data: [DONE]\n\n\r\n0\r\n\r\n") || received.split("HTTP/1.1 200").length === 9;
}
