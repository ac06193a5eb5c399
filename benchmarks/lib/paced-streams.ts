import { Agent, request, type IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** What `serving/paced-backend` is asked for. */
export interface StreamLoad {
  readonly streamCount: number;
  readonly chunksPerSecond: number;
  readonly seconds: number;
}

function post(url: string, body: object, agent: Agent): Promise<IncomingMessage> {
  const text = JSON.stringify({
    model: "paced",
    messages: [{ role: "user", content: "a short prompt" }],
    ...body,
  });
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    const sent = request(`${url}/v1/chat/completions`, { method: "POST", agent, headers }, resolve);
    sent.on("error", reject);
    sent.end(text);
  });
}

/** Reads a stream; calls back with the age of each chunk, in milliseconds. */
async function readAges(answer: IncomingMessage, note: (ageMs: number) => void): Promise<void> {
  let rest = "";
  for await (const bytes of answer as AsyncIterable<Buffer>) {
    const now = process.hrtime.bigint();
    const parts = (rest + bytes.toString("latin1")).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const sentNs = /"sentNs":"(\d+)"/.exec(part)?.[1];
      if (sentNs !== undefined) note(Number(now - BigInt(sentNs)) / 1e6);
    }
  }
}

/** Runs streams side by side; returns the age of each chunk at its arrival, in milliseconds. */
export async function runPacedStreams(url: string, load: StreamLoad): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  const intervalMs = 1000 / load.chunksPerSecond;
  const chunkCount = Math.round(load.seconds * load.chunksPerSecond);
  const ages: number[] = [];
  try {
    await Promise.all(
      Array.from({ length: load.streamCount }, async (_, index) => {
        // Streams of real users do not send their chunks at one moment.
        await sleep((index * intervalMs) / load.streamCount);
        const answer = await post(url, { stream: true, chunkCount, intervalMs }, agent);
        if (answer.statusCode !== 200) throw new Error(`expected status 200, got ${answer.statusCode}`);
        await readAges(answer, (ageMs) => ages.push(ageMs));
      }),
    );
  } finally {
    agent.destroy();
  }
  const expected = load.streamCount * chunkCount;
  if (ages.length !== expected) throw new Error(`expected ${expected} chunks, got ${ages.length}`);
  return ages;
}

/** Sends requests one after the other; returns how long each took, in milliseconds. */
export async function runRequests(url: string, count: number): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const timesMs: number[] = [];
  try {
    for (let at = 0; at < count; at += 1) {
      const startedAt = performance.now();
      const answer = await post(url, { stream: false }, agent);
      for await (const bytes of answer) void bytes;
      timesMs.push(performance.now() - startedAt);
    }
  } finally {
    agent.destroy();
  }
  return timesMs;
}
