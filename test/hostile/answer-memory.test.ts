import { readFile } from "node:fs/promises";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { text as readText } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { runCli } from "../e2e/support/run-cli.ts";
import { pauseEngine } from "../e2e/support/pause-engine.ts";
import { startDaemon } from "../e2e/support/start-daemon.ts";
import { untilRead } from "../e2e/support/until-read.ts";

const modelId = "infernode-stories";

function chatBody(more: object): Record<string, unknown> {
  const messages = [{ role: "user", content: "Tell me a story about an owl." }];
  return { model: modelId, messages, seed: 5, ignore_eos: true, logprobs: true, top_logprobs: 20, ...more };
}

/** Sends a request and resolves with the response, of which nothing is read yet. */
function open(url: string, body: Record<string, unknown>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
    });
    sent.on("response", resolve).on("error", reject);
    sent.end(JSON.stringify(body));
  });
}

async function send(
  url: string,
  body: Record<string, unknown>,
): Promise<{ status: number | undefined; headers: IncomingMessage["headers"]; text: string }> {
  const response = await open(url, body);
  return { status: response.statusCode, headers: response.headers, text: await readText(response) };
}

interface Content {
  readonly content: readonly {
    readonly token: string;
    readonly logprob: number;
    readonly top_logprobs: unknown[];
  }[];
}

/** Log-probabilities by answer, from the events of a stream. */
function joinChunks(events: string): Content["content"][] {
  const answers: Content["content"][number][][] = [];
  for (const line of events.split("\n")) {
    if (!line.startsWith("data: {")) continue;
    const { choices } = JSON.parse(line.slice(6)) as {
      choices: { index: number; logprobs: Content | null }[];
    };
    for (const { index, logprobs } of choices) (answers[index] ??= []).push(...(logprobs?.content ?? []));
  }
  return answers;
}

/** The most memory that a process has had, in MiB. */
async function peakMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

describe("the memory of answers", () => {
  it("is part of the plan that inspect shows", async () => {
    const args = ["models", "inspect", "embedded", "--json"];
    const all = JSON.parse((await runCli(args)).stdout) as { answerMemoryBytes: number };
    const set = JSON.parse((await runCli([...args, "--answer-memory", "3MiB"])).stdout) as typeof all;
    expect(all.answerMemoryBytes).toBeGreaterThan(2 ** 20);
    expect(set.answerMemoryBytes).toBe(3 * 2 ** 20);
  });

  it("refuses what never fits with 400, what does not fit now with 429, and takes it later", async () => {
    await using daemon = await startDaemon({ args: ["--answer-memory", "1MiB"] });
    const { url } = daemon;
    const tooLarge = await send(url, chatBody({ n: 128, max_tokens: 100 }));
    expect(tooLarge.status).toBe(400);
    expect(JSON.parse(tooLarge.text)).toMatchObject({ error: { code: "invalid_value", param: "n" } });
    const echoed = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: modelId,
        prompt: Array(8).fill(Array(400).fill(9)),
        echo: true,
        logprobs: 20,
        max_tokens: 0,
      }),
    });
    expect(echoed.status).toBe(400);
    expect(await echoed.json()).toMatchObject({ error: { code: "invalid_value" } });

    const large = { n: 4, max_tokens: 400 };
    const resume = pauseEngine(daemon);
    const opened = open(url, chatBody({ ...large, stream: true }));
    await untilRead(daemon);
    const refused = await send(url, chatBody(large));
    expect(refused.status).toBe(429);
    expect(refused.headers["retry-after"]).toBe("1");
    resume();
    const held = await opened;
    // An answer without log-probabilities needs none of it.
    const plain = { logprobs: undefined, top_logprobs: undefined, max_tokens: 4 };
    expect((await send(url, chatBody(plain))).status).toBe(200);
    await readText(held);
    expect((await send(url, chatBody({ n: 4, max_tokens: 300 }))).status).toBe(200);
    const left = await open(url, chatBody({ ...large, stream: true }));
    left.destroy();
    await daemon.waitForMetric("vllm:num_requests_running", 0);
    expect((await send(url, chatBody({ n: 2, max_tokens: 400 }))).status).toBe(200);
  });

  it.skipIf(process.platform !== "linux")("stays small for 128 answers with 20 alternatives", async () => {
    await using daemon = await startDaemon();
    const pids = [daemon.pid, daemon.enginePid()];
    const peaks = async (): Promise<number> => {
      const each = await Promise.all(pids.map(peakMib));
      return each.reduce((sum, mib) => sum + mib, 0);
    };
    await send(daemon.url, chatBody({ n: 16, max_tokens: 64 }));
    const before = await peaks();
    const { status, text } = await send(daemon.url, chatBody({ n: 128, max_tokens: 100 }));
    expect(status).toBe(200);
    const { choices } = JSON.parse(text) as { choices: { logprobs: Content }[] };
    expect(choices).toHaveLength(128);
    expect(choices.every(({ logprobs: { content } }) => content.length === 100)).toBe(true);
    expect(choices[127]?.logprobs.content[99]?.top_logprobs).toHaveLength(20);
    // The body alone has 20 MB.
    expect((await peaks()) - before).toBeLessThan(100);
  });

  it("lets a client read as late as it likes, and loses nothing", async () => {
    await using daemon = await startDaemon();
    const body = chatBody({ n: 4, max_tokens: 400 });
    const late = await open(daemon.url, { ...body, stream: true });
    // The whole answer is made before any of it is read.
    await daemon.waitForMetric("vllm:num_requests_running", 0);
    const whole = JSON.parse((await send(daemon.url, body)).text) as { choices: { logprobs: Content }[] };
    expect(joinChunks(await readText(late))).toEqual(whole.choices.map(({ logprobs }) => logprobs.content));
  });
});
