import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { conformanceAreas } from "../../packages/backend/src/wire-conformance/areas.ts";
import { runCases } from "../../packages/backend/src/wire-conformance/run-cases.ts";
import { createProbedServer } from "../../packages/backend/src/wire-conformance/shared/probed-server.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

const model = "infernode-stories";
/** What a stream ends with that has all. */
const whole = /\ndata: \[DONE\]\n\n$/;

/** Each test may end some of them, those of the next tests left out: starting daemons takes most of the time. */
let daemons: readonly TestDaemon[];

beforeAll(async () => {
  const args = ["--max-sequences", "8"];
  daemons = await Promise.all([startDaemon({ args }), startDaemon({ args }), startDaemon({ args })]);
});
afterAll(async () => {
  await Promise.all(daemons.map((each) => each[Symbol.asyncDispose]()));
});

/** Starts a gateway for one test; the daemons are its backends `0`, `1` and so on. */
async function startGateway(backends: readonly TestDaemon[]): Promise<TestDaemon> {
  const flags = backends.flatMap(({ url }, index) => ["--backend", `${index}=${url}`]);
  const gateway = await startDaemon({ args: ["--mode", "gateway", ...flags] });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  return gateway;
}

async function modelsOf(gateway: TestDaemon): Promise<unknown> {
  return (await fetch(`${gateway.url}/v1/models`)).json();
}

/** A stream that is being read. */
interface Stream {
  readonly backend: string;
  /** What came so far. */
  readonly text: string;
  /** Resolves with the first byte. */
  readonly begun: Promise<void>;
  readonly ended: Promise<void>;
}

function openStream(gateway: TestDaemon, maxTokens: number): Stream {
  const sent = request(`${gateway.url}/v1/completions`, {
    method: "POST",
    agent: false,
    headers: { "content-type": "application/json" },
  });
  const body = { model, prompt: "Once", max_tokens: maxTokens, ignore_eos: true, stream: true };
  sent.end(JSON.stringify(body));
  let text = "";
  let backend = "";
  const answer = once(sent, "response") as Promise<IncomingMessage[]>;
  const begin = async (): Promise<void> => {
    const [response] = await answer;
    if (response === undefined) return;
    backend = String(response.headers["x-infernode-backend"]);
    response.setEncoding("utf8").on("data", (part: string) => (text += part));
    await once(response, "data");
  };
  const end = async (): Promise<void> => {
    const [response] = await answer;
    await new Promise((resolve) => response?.on("close", resolve));
  };
  return {
    begun: begin(),
    ended: end(),
    get backend() {
      return backend;
    },
    get text() {
      return text;
    },
  };
}

test("every wire format works through a gateway as it does without one", async () => {
  const gateway = await startGateway(daemons);
  const { signal } = new AbortController();
  const connection = { baseUrl: `${gateway.url}/v1`, apiKey: undefined, timeoutMs: 30_000, signal };
  const server = createProbedServer({ ...connection, model });
  const deviating: string[] = [];
  let passedCount = 0;
  for await (const { id, outcome } of runCases({ server, areas: conformanceAreas, only: [], signal })) {
    if (outcome === "pass") passedCount += 1;
    else if (outcome === "deviates") deviating.push(id);
  }
  expect(deviating).toEqual([]);
  expect(passedCount).toBeGreaterThan(70);
  expect(await modelsOf(gateway)).toMatchObject({
    data: [{ id: model, state: "ready", backends: ["0", "1", "2"] }],
  });
});

test("the configuration is reloaded when its file changes; one that is wrong changes nothing", async () => {
  const directory = await mkdtemp(join(tmpdir(), "infernode-gateway-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, "gateway.json");
  const write = async (backends: Readonly<Record<string, unknown>>): Promise<void> =>
    writeFile(file, JSON.stringify({ server: { mode: "gateway" }, gateway: { backends } }));
  const [a, b] = daemons;
  await write({ a: a?.url });
  const gateway = await startDaemon({ args: ["--config", file] });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  const stream = openStream(gateway, 100);
  await stream.begun;
  await write({ b: { url: b?.url } });
  await gateway.waitForLog(({ msg }) => msg === "configuration reloaded");
  const models = await modelsOf(gateway);
  expect(models).toMatchObject({ data: [{ backends: ["b"] }] });
  await stream.ended;
  expect(stream.text).toMatch(whole);
  await write({ b: "no URL" });
  const refused = await gateway.waitForLog(({ msg }) => msg.includes("could not be reloaded"));
  expect(JSON.stringify(refused)).toContain("gateway.backends");
  expect(await modelsOf(gateway)).toEqual(models);
  await write({ a: a?.url });
  await expect.poll(() => modelsOf(gateway)).toMatchObject({ data: [{ backends: ["a"] }] });
  gateway.signal("SIGHUP");
  await gateway.waitForLog(
    () => gateway.logs.filter(({ msg }) => msg === "configuration reloaded").length > 2,
  );
  gateway.signal("SIGTERM");
  expect(await gateway.exited).toEqual({ exitCode: 0, signal: null });
});

test("a backend that is drained under load loses nothing", async () => {
  const [leaving] = daemons;
  const gateway = await startGateway(daemons);
  daemons = daemons.slice(1);
  const running = Array.from({ length: 12 }, () => openStream(gateway, 100));
  await Promise.all(running.map(({ begun }) => begun));
  expect(new Set(running.map(({ backend }) => backend)).size).toBe(3);
  leaving?.signal("SIGTERM");
  const later = Array.from({ length: 24 }, () => openStream(gateway, 20));
  await Promise.all([...running, ...later].map(({ ended }) => ended));
  for (const { text } of [...running, ...later]) expect(text).toMatch(whole);
  expect(await leaving?.exited).toEqual({ exitCode: 0, signal: null });
});

test("a backend that is killed with many streams fails only those that it had begun, each with an error", async () => {
  const [killed] = daemons;
  const gateway = await startGateway(daemons);
  daemons = daemons.slice(1);
  const streams = Array.from({ length: 64 }, () => openStream(gateway, 150));
  await expect
    .poll(() => streams.some(({ backend, text }) => backend === "0" && text !== ""), { interval: 1 })
    .toBe(true);
  process.kill(killed?.pid ?? 0, "SIGKILL");
  await Promise.all(streams.map(({ ended }) => ended));
  const broken = streams.filter(({ text }) => !whole.test(text));
  expect(broken.length).toBeGreaterThan(0);
  // As many as run at the same time.
  expect(broken.length).toBeLessThanOrEqual(8);
  for (const { backend, text } of broken) {
    expect(backend).toBe("0");
    const last = text.trimEnd().split("\n\n").at(-1) ?? "";
    expect(JSON.parse(last.slice("data: ".length))).toMatchObject({ error: { code: "backend_failed" } });
  }
});
