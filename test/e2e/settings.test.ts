import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { settings } from "../../packages/backend/src/config/settings.ts";
import { createTinyModel, type TinyModel } from "../../packages/backend/test/support/tiny-model.ts";
import { untilChild } from "../hostile/support/engine-faults.ts";
import { endlessText, modelWithTokenizer, withEndlessSplit } from "../hostile/support/odd-tokenizer.ts";
import { openRaw, rawPost, rawRequest } from "../hostile/support/raw-connection.ts";
import { slowMachine } from "../hostile/support/slow-machine.ts";
import { freePort } from "../hostile/support/spawn-daemon.ts";
import { cleanEnvironment, cliPath } from "./support/cli-path.ts";
import { deviceBytes, openCudaMachine } from "./support/cuda-machine.ts";
import { consulSettingCases, staticSettingCases } from "./support/discovery-setting-cases.ts";
import { gatewaySettingCases } from "./support/gateway-setting-cases.ts";
import { makeEndlessModel, type EndlessModel } from "./support/make-endless-model.ts";
import { makeRecitingModel } from "./support/make-reciting-model.ts";
import { endRoutingCases, routingSettingCases } from "./support/routing-setting-cases.ts";
import { sessionSettingCases, storeSettingCases } from "./support/response-setting-cases.ts";
import { runCli } from "./support/run-cli.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

// Each setting of the table acts where it should, in the program as it is run.

let tiny: TinyModel;
let endless: EndlessModel;
/** Takes what can be seen in answers. */
let answering: TestDaemon;
/** Runs one answer that never ends. */
let busy: TestDaemon;

function flags(values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
}

beforeAll(async () => {
  [tiny, endless] = await Promise.all([createTinyModel(), makeEndlessModel(65_536)]);
  const template = join(tiny.directory, "other.jinja");
  await writeFile(template, "12345{{ messages[0].content }}");
  const answers = flags({
    host: process.platform === "linux" ? "127.0.0.2" : "127.0.0.1",
    "allowed-hosts": "api.example",
    "cors-origins": "https://app.example",
    "body-limit": "2000000",
    "body-memory": "1MiB",
    "keep-alive-timeout": "7000",
    model: tiny.directory,
    "model-name": "named",
    "model-aliases": "alias,other",
    "chat-template": template,
    "max-sequences": "3",
    "context-tokens": "200",
    "max-tokens-per-step": "10",
    "answer-memory": "1MiB",
    "service-name": "own-name",
    "advertise-address": "engine.example",
  });
  const work = flags({
    model: endless.directory,
    "model-name": "endless",
    "max-sequences": "1",
    "ping-interval": "100",
    "max-queued-requests": "2",
    "max-queued-tokens": "50",
  });
  [answering, busy] = await Promise.all([startDaemon({ args: answers }), startDaemon({ args: work })]);
});
async function scratchDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-settings-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Quantizes the bundled model into a cache directory. */
async function quantizeInto(directory: string, args: readonly string[]): Promise<void> {
  const once = ["play", "--prompt", "Once", "--max-tokens", "1", "--quantize", "int8"];
  expect((await runCli([...once, "--cache-dir", directory, ...args])).exitCode).toBe(0);
}

afterAll(async () => {
  await endRoutingCases();
  await Promise.all([answering, busy].map((daemon) => daemon[Symbol.asyncDispose]()));
  await Promise.all([tiny, endless].map((model) => model[Symbol.asyncDispose]()));
});

/** Plans need no kernels. */
const machine = openCudaMachine("settings of the CUDA executor", { ptx: [] });

/** What the CUDA executor would do with the bundled model; `undefined` where there is no device. */
async function planOnDevice(args: readonly string[]) {
  const inspect = ["models", "inspect", "embedded", "--json", "--executor", "cuda", ...args];
  if ("reason" in machine) {
    expect((await runCli(inspect)).stderr).toContain("the CUDA executor cannot be used");
    return undefined;
  }
  const { stdout } = await runCli(inspect, { environment: machine.environment });
  return JSON.parse(stdout) as { readonly executor: unknown; readonly memoryPlan: { totalBytes: number } };
}

const close = "connection: close";

async function getJson(daemon: TestDaemon, path: string): Promise<Record<string, unknown>> {
  return (await (await fetch(daemon.url + path)).json()) as Record<string, unknown>;
}

async function post(
  daemon: TestDaemon,
  path: string,
  body: object,
): Promise<{ status: number; body: unknown }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(daemon.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

/** Everything that comes until the daemon closes. */
async function exchange(bytes: string): Promise<string> {
  return (await (await openRaw(answering.url, bytes)).closed).text;
}

const endlessBody = { model: "endless", prompt: "Once", max_tokens: 60_000, ignore_eos: true, stream: true };

/** Fills the one place and the queue: what a stream that waits gets, and why others are refused. */
let filled:
  | Promise<{ readonly quiet: string; readonly tokens: unknown; readonly requests: unknown }>
  | undefined;
const fill = async () => {
  const running = await openRaw(busy.url, rawPost("/v1/completions", endlessBody));
  await running.waitFor("data: ");
  const first = await openRaw(busy.url, rawPost("/v1/completions", endlessBody));
  const quiet = await first.waitFor(": ping");
  const long = { ...endlessBody, prompt: Array(60).fill(9), max_tokens: 1, stream: false };
  const tokens = await post(busy, "/v1/completions", long);
  const second = await openRaw(busy.url, rawPost("/v1/completions", endlessBody));
  await second.waitFor(": ping");
  const requests = await post(busy, "/v1/completions", { ...endlessBody, stream: false });
  for (const { socket } of [running, first, second]) socket.destroy();
  return { quiet, tokens, requests };
};

/** The program's standard output and error where they are for people. */
let shown: Promise<{ readonly output: string; readonly log: string }> | undefined;
const show = async () => {
  const options = ["--log-format", "pretty", "--log-level", "warn", "--threads", "3", "--runtime", "binding"];
  const args = [cliPath, "serve", "--port", "0", "--model", tiny.directory, ...options];
  const child = spawn(process.execPath, args, { env: cleanEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  await new Promise<void>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.includes("thread")) resolve();
    });
    child.on("close", () => resolve());
  });
  process.kill(await untilChild(child.pid ?? 0), "SIGKILL");
  while (!log.includes("engine crashed") && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill("SIGKILL");
  return { output, log };
};

/** The answer of a model whose template does not tell how it writes. */
async function recite(...args: readonly string[]): Promise<unknown> {
  await using reciting = await makeRecitingModel({
    template: "{{ tools }}<|cue|>",
    specialTokens: [],
    recitals: [{ cue: "<|cue|>", tokens: ["[THINK]", "hm", "[/THINK]", "[TOOL_CALLS]", "f{}"] }],
  });
  await using daemon = await startDaemon({ args: ["--model", `m=${reciting.directory}`, ...args] });
  // The daemon is there until the answer is.
  return await post(daemon, "/v1/chat/completions", {
    model: "m",
    messages: [{ role: "user", content: "?" }],
    tools: [{ type: "function", function: { name: "f" } }],
    temperature: 0,
  });
}

const fixtures = fileURLToPath(new URL("../fixtures", import.meta.url));
const adapterBase = join(fixtures, "checkpoints", "llama2");
const adapter = join(fixtures, "adapters", "llama2-all");

/** Bytes of the weights that a plan states. */
async function weightsWith(...args: readonly string[]): Promise<number> {
  const { stdout } = await runCli(["models", "inspect", adapterBase, "--json", ...args]);
  return (JSON.parse(stdout) as { memoryPlan: { weightsBytes: number } }).memoryPlan.weightsBytes;
}

const cases: Readonly<Record<string, () => Promise<void>>> = {
  "server.mode": async () => {
    const run = await runCli(["serve", "--port", "0", "--mode", "gateway"]);
    expect(run).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("gateway.backends: expected") });
  },
  "server.host": async () => {
    expect(new URL(answering.url).hostname).toBe(process.platform === "linux" ? "127.0.0.2" : "127.0.0.1");
    if (process.platform !== "linux") return;
    await expect(fetch(answering.url.replace("127.0.0.2", "127.0.0.1"))).rejects.toThrow("fetch failed");
  },
  "server.port": async () => {
    const port = await freePort();
    await using daemon = await startDaemon({ args: ["--port", String(port)], until: "listening" });
    expect(new URL(daemon.url).port).toBe(String(port));
  },
  "server.allowedHosts": async () => {
    expect(await exchange(rawRequest("GET /version", ["host: api.example", close]))).toMatch(
      /^HTTP\/1\.1 200/,
    );
    expect(await exchange(rawRequest("GET /version", ["host: other.example", close]))).toMatch(
      /^HTTP\/1\.1 4/,
    );
  },
  "server.maxConnections": async () => {
    await using daemon = await startDaemon({ args: ["--max-connections", "2"], until: "listening" });
    const first = await openRaw(daemon.url);
    const others = [await openRaw(daemon.url), await openRaw(daemon.url)];
    expect(await first.closed).toMatchObject({ text: expect.not.stringContaining("200 OK") });
    for (const { socket } of others) socket.destroy();
  },
  "server.bodyLimitBytes": async () => {
    const large = rawRequest("POST /tokenize", [
      "content-type: application/json",
      close,
      "content-length: 2000001",
    ]);
    expect(await exchange(large)).toContain("2000000 bytes");
  },
  "server.bodyMemoryBytes": async () => {
    const head = ["content-type: application/json", "content-length: 900000"];
    const half = `${rawRequest("POST /tokenize", head)}${" ".repeat(800_000)}`;
    const holding = await openRaw(answering.url, half);
    await new Promise((resolve) => holding.socket.write(" ", resolve));
    await getJson(answering, "/version");
    const waiting = await openRaw(
      answering.url,
      rawRequest("POST /tokenize", head.slice(0, 1), " ".repeat(900_000)),
    );
    for (const _ of [1, 2, 3, 4, 5]) await getJson(answering, "/version");
    expect(waiting.received()).toBe("");
    holding.socket.destroy();
    expect(await waiting.waitFor("invalid_json")).toMatch(/^HTTP\/1\.1 400/);
    waiting.socket.destroy();
  },
  "server.corsOrigins": async () => {
    const ask = (origin: string): string => rawRequest("GET /version", [`origin: ${origin}`, close]);
    expect(await exchange(ask("https://app.example"))).toMatch(
      /access-control-allow-origin: https:\/\/app\.example/i,
    );
    expect(await exchange(ask("https://other.example"))).not.toMatch(/access-control-allow-origin/i);
  },
  "server.requestTimeoutMs": async () => {
    await using daemon = await startDaemon({ args: ["--request-timeout", "400"], until: "listening" });
    const half = await openRaw(daemon.url, "GET /version HTTP/1.1\r\nhost: local");
    expect((await half.closed).text).toMatch(/^HTTP\/1\.1 408/);
  },
  "server.keepAliveTimeoutMs": async () => {
    const { socket, waitFor } = await openRaw(answering.url, rawRequest("GET /version"));
    expect(await waitFor("\r\n\r\n")).toMatch(/keep-alive: timeout=7/i);
    socket.destroy();
  },
  "server.pingIntervalMs": async () => {
    expect((await (filled ??= fill())).quiet).toContain(": ping");
  },
  "server.writeTimeoutMs": async () => {
    await using daemon = await startDaemon({ args: ["--write-timeout", "150"] });
    const body = {
      model: "infernode-stories",
      prompt: "a",
      echo: true,
      logprobs: 20,
      ignore_eos: true,
      n: 16,
      stream: true,
      max_tokens: 900,
    };
    const { socket } = await openRaw(daemon.url);
    socket.pause();
    socket.write(rawPost("/v1/completions", body));
    const { cutBy, durationMs } = await daemon.waitForLog(({ status }) => status === 499);
    expect(cutBy).toBe("SLOW_READER");
    // The default alone is as long as that.
    expect(durationMs).toBeLessThan(30_000);
    socket.destroy();
  },
  "server.lenient": async () => {
    await using daemon = await startDaemon({ args: ["--lenient"] });
    const ask = (parameters: object): Promise<Response> =>
      fetch(`${daemon.url}/v1/completions`, {
        method: "POST",
        body: JSON.stringify({ model: "infernode-stories", prompt: "a", max_tokens: 1, ...parameters }),
        headers: { "content-type": "application/json" },
      });
    const taken = await ask({ typical_p: 0.9, some_new_field: [1], "ä\r\nb": 1, user: "me" });
    expect(taken.status).toBe(200);
    expect(taken.headers.get("x-infernode-ignored-parameters")).toBe(
      "typical_p, some_new_field, [not a name]",
    );
    await daemon.waitForLog(({ msg }) => msg === "parameters were ignored");
    expect((await ask({ guided_json: {} })).status).toBe(400);
    expect((await ask({ temperature: "hot" })).status).toBe(400);
    const usual = await ask({ user: "me" });
    expect(usual.headers.has("x-infernode-ignored-parameters")).toBe(false);
  },
  "server.drainTimeoutMs": async () => {
    await using daemon = await startDaemon({
      args: ["--model", endless.directory, "--model-name", "endless", "--drain-timeout", "120"],
    });
    const running = await openRaw(daemon.url, rawPost("/v1/completions", endlessBody));
    await running.waitFor("data: ");
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
    expect(daemon.logs.find(({ msg }) => msg === "draining")).toMatchObject({ timeoutMs: 120 });
    running.socket.destroy();
  },
  ...sessionSettingCases(() => endless.directory),
  "model.path": async () => {
    // A token for each byte.
    expect(await post(answering, "/tokenize", { prompt: "foxes" })).toMatchObject({ body: { count: 5 } });
  },
  "model.name": async () => {
    expect(await getJson(answering, "/v1/models")).toMatchObject({ data: [{ id: "named" }] });
  },
  "model.aliases": async () => {
    const body = { model: "other", prompt: "a", max_tokens: 1 };
    expect(await post(answering, "/v1/completions", body)).toMatchObject({ status: 200 });
  },
  "model.chatTemplate": async () => {
    const messages = [{ role: "user", content: "fox" }];
    expect(await post(answering, "/tokenize", { messages })).toMatchObject({ body: { count: 8 } });
  },
  "model.toolParser": async () => {
    const message = {
      content: "[THINK]hm[/THINK]",
      tool_calls: [{ function: { name: "f", arguments: "{}" } }],
    };
    expect(await recite("--tool-parser", "mistral")).toMatchObject({ body: { choices: [{ message }] } });
  },
  "model.reasoningParser": async () => {
    const message = { content: "[TOOL_CALLS]f{}", reasoning_content: "hm" };
    expect(await recite("--reasoning-parser", "mistral")).toMatchObject({ body: { choices: [{ message }] } });
  },
  "model.adapters": async () => {
    await using daemon = await startDaemon({ args: ["--model", adapterBase, "--lora", `mine=${adapter}`] });
    expect(await getJson(daemon, "/v1/models")).toMatchObject({ data: [{}, { id: "mine" }] });
  },
  "engine.maxSequences": async () => {
    expect(await answering.metric("vllm:cache_config_info", 'num_gpu_blocks="3"')).toBe(1);
  },
  "engine.contextTokens": async () => {
    expect(await getJson(answering, "/v1/models")).toMatchObject({ data: [{ max_model_len: 200 }] });
  },
  "engine.maxTokensPerStep": async () => {
    const prompt = Array.from({ length: 150 }, () => 50);
    await post(answering, "/v1/completions", { model: "named", prompt, max_tokens: 1 });
    expect(await answering.metric("infernode_step_duration_seconds_count")).toBeGreaterThanOrEqual(15);
  },
  "engine.stepTimeMs": async () => {
    const prompt = Array.from({ length: 960 }, () => 50);
    await using daemon = await startDaemon({ args: ["--step-time", "1"], environment: slowMachine });
    await post(daemon, "/v1/completions", { model: "infernode-stories", prompt, max_tokens: 1 });
    // It would be 32, 64, 128 and then 256 tokens a step.
    expect(await daemon.metric("infernode_step_duration_seconds_count")).toBeGreaterThan(12);
  },
  "engine.streamIntervalTokens": async () => {
    await using daemon = await startDaemon({ args: ["--stream-interval", "4"] });
    const request = { model: "infernode-stories", prompt: "Once", max_tokens: 9, ignore_eos: true };
    const response = await fetch(`${daemon.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...request, stream: true, return_token_ids: true }),
    });
    const chunks = (await response.text()).match(/(?<="token_ids":)\[[^\]]*\]/g) ?? [];
    expect(chunks.map((ids) => (JSON.parse(ids) as number[]).length)).toEqual([1, 4, 4]);
  },
  "engine.maxQueuedRequests": async () => {
    const { requests } = await (filled ??= fill());
    expect(requests).toMatchObject({
      status: 429,
      body: { error: { message: expect.stringMatching(/\b2\b/) } },
    });
  },
  "engine.maxQueuedTokens": async () => {
    const { tokens } = await (filled ??= fill());
    expect(tokens).toMatchObject({
      status: 429,
      body: { error: { message: expect.stringMatching(/\b50\b/) } },
    });
  },
  "engine.answerMemoryBytes": async () => {
    const body = { model: "named", prompt: "a", n: 128, logprobs: 20, max_tokens: 150 };
    expect(await post(answering, "/v1/completions", body)).toMatchObject({
      status: 400,
      body: { error: { param: "n" } },
    });
  },
  "engine.promptTimeoutMs": async () => {
    const directory = await modelWithTokenizer(withEndlessSplit);
    await using daemon = await startDaemon({ args: ["--model", directory, "--prompt-timeout", "400"] });
    const error = { code: "prompt_timeout", message: expect.stringMatching(/\b40\d ms/) };
    const refused = await post(daemon, "/tokenize", { prompt: endlessText });
    expect(refused).toMatchObject({ status: 400, body: { error } });
  },
  "engine.threads": async () => {
    expect((await (shown ??= show())).output).toContain("3 threads");
  },
  "engine.executor": async () => {
    const args = [
      "play",
      "--executor",
      "tfjs",
      "--prompt",
      "Hello",
      "--max-tokens",
      "3",
      "--temperature",
      "0",
    ];
    const [slow, fast] = await Promise.all([runCli([...args, "--runtime", "cpu"]), runCli(args)]);
    expect(slow).toMatchObject({ exitCode: 0, stdout: fast.stdout });
    const missing = await runCli([...args, "--runtime", "tfjs-node"]);
    expect(missing.exitCode).toBe(4);
    expect(missing.stderr).toContain("npm install @tensorflow/tfjs-node (EXECUTOR_UNAVAILABLE)");
    const inspected = await runCli(["models", "inspect", "embedded", "--executor", "tfjs"]);
    expect(inspected.stdout).toMatch(/^executor +tfjs \(engine\.executor is tfjs\)$/m);
  },
  "engine.device": async () => {
    const plan = await planOnDevice(["--device", "1"]);
    if (plan !== undefined) expect(plan).toMatchObject({ executor: { name: "cuda", device: "cuda:1" } });
  },
  "engine.gpuMemoryUtilization": async () => {
    const [much, little] = [await planOnDevice([]), await planOnDevice(["--gpu-memory-utilization", "0.5"])];
    if (much === undefined || little === undefined) return;
    expect(much.memoryPlan.totalBytes).toBeGreaterThan(little.memoryPlan.totalBytes + deviceBytes / 3);
  },
  "engine.runtime": async () => {
    expect((await (shown ??= show())).output).toContain("Node binding");
  },
  "engine.quantize": async () => {
    const inspect = ["models", "inspect", "embedded", "--json"];
    const plans = [await runCli(inspect), await runCli([...inspect, "--quantize", "int8"])].map(
      ({ stdout }) =>
        (JSON.parse(stdout) as { memoryPlan: { weightsBytes: number } }).memoryPlan.weightsBytes,
    );
    expect(plans[1]).toBeLessThan((plans[0] ?? 0) / 2);
  },
  "engine.kvCacheDtype": async () => {
    const inspect = ["models", "inspect", "embedded", "--json"];
    const plans = [await runCli(inspect), await runCli([...inspect, "--kv-cache-dtype", "int8"])].map(
      ({ stdout }) =>
        (JSON.parse(stdout) as { memoryPlan: { kvCacheBytes: number } }).memoryPlan.kvCacheBytes,
    );
    expect(plans[1]).toBeLessThan((plans[0] ?? 0) / 3);
  },
  "engine.productPrecision": async () => {
    const inspect = ["models", "inspect", "embedded", "--product-precision", "16-bit"];
    const refused = await runCli(inspect);
    expect(refused.exitCode).toBe(4);
    expect(refused.stderr).toContain(
      '`productPrecision`: expected "float32", which this executor computes with',
    );
    const plans = await Promise.all([planOnDevice([]), planOnDevice(["--product-precision", "float32"])]);
    if (plans[0] === undefined) return;
    const precisions = plans.map((plan) => plan?.memoryPlan);
    expect(precisions).toMatchObject([{ productPrecision: "16-bit" }, { productPrecision: "float32" }]);
  },
  // cuda.test.ts has what it does.
  "engine.runsAhead": async () => {
    const { stdout } = await runCli(["serve", "--print-config", "--json", "--run-ahead", "false"]);
    expect(JSON.parse(stdout)).toMatchObject({ config: { engine: { runsAhead: false } } });
  },
  "engine.maxAdapters": async () => {
    expect(await weightsWith("--max-loras", "4")).toBeGreaterThan(await weightsWith("--max-loras", "2"));
  },
  "engine.maxAdapterRank": async () => {
    const wide = await weightsWith("--max-loras", "1", "--max-lora-rank", "64");
    expect(wide).toBeGreaterThan(await weightsWith("--max-loras", "1"));
  },
  "engine.allowsAdapterUpdates": async () => {
    await using daemon = await startDaemon({
      args: ["--model", adapterBase, "--allow-runtime-lora-updating"],
    });
    const body = { lora_name: "mine", lora_path: adapter };
    expect(await post(daemon, "/v1/load_lora_adapter", body)).toMatchObject({ status: 200 });
  },
  "engine.cacheDirectory": async () => {
    const directory = join(await scratchDirectory(), "kept");
    await quantizeInto(directory, []);
    const kept = await readdir(directory);
    expect(kept.filter((name) => name.endsWith(".safetensors"))).toHaveLength(1);
  },
  "engine.cacheLimitBytes": async () => {
    const directory = await scratchDirectory();
    await writeFile(join(directory, "older.safetensors"), new Uint8Array(2 ** 20));
    await quantizeInto(directory, ["--cache-limit", "3MiB"]);
    expect(await readdir(directory)).toEqual([expect.not.stringContaining("older")]);
  },
  "engine.memoryLimitBytes": async () => {
    const run = await runCli(["serve", "--port", "0", "--memory-limit", "1MiB"]);
    expect(run).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("MODEL_DOES_NOT_FIT") });
  },
  "engine.startTimeoutMs": async () => {
    // The engine process stands still before it reads its first message.
    const block =
      "process.argv[1]?.includes('engine-process')&&Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0)";
    const nodeOptions = `--import=data:text/javascript,${encodeURIComponent(block)}`;
    const run = await runCli(["serve", "--port", "0", "--start-timeout", "1000"], {
      environment: { NODE_OPTIONS: nodeOptions },
    });
    expect(run.stderr).toContain("within 1000 ms");
    expect(run.exitCode).not.toBe(0);
  },
  "engine.hangAfterMs": async () => {
    await using daemon = await startDaemon({ args: ["--hang-after", "1000"] });
    const pid = daemon.enginePid();
    process.kill(pid, "SIGSTOP");
    expect(await daemon.waitForLog(({ msg }) => msg === "engine hung")).toMatchObject({ pid });
  },
  "engine.maxRestarts": async () => {
    await using daemon = await startDaemon({ args: ["--max-restarts", "0"] });
    process.kill(daemon.enginePid(), "SIGKILL");
    expect((await daemon.exited).exitCode).not.toBe(0);
    expect(daemon.logs.map(({ msg }) => msg)).not.toContain("engine restarted");
  },
  ...storeSettingCases(scratchDirectory),
  "log.level": async () => {
    const { log } = await (shown ??= show());
    expect(log).toContain("engine crashed");
    expect(log).not.toContain("listening");
  },
  "log.format": async () => {
    expect((await (shown ??= show())).log).toMatch(/^\[[0-9:.]+\] ERROR: engine crashed/m);
  },
  "health.stallAfterMs": async () => {
    await using daemon = await startDaemon({ args: ["--stall-after", "1000"] });
    process.kill(daemon.enginePid(), "SIGSTOP");
    const { reasons } = await daemon.waitForLog((line) => String(line["reasons"]).includes("no message"));
    expect(Number(/no message for (\d+) ms/.exec(String(reasons))?.[1])).toBeLessThan(30_000);
    // A stopped process would outlive the daemon.
    process.kill(daemon.enginePid(), "SIGCONT");
  },
  "discovery.provider": async () => {
    expect(await getJson(answering, "/v1/system/registry")).toMatchObject({ provider: "embedded" });
    const refused = await runCli(["serve", "--port", "0", "--discovery", "etcd"]);
    expect(refused.stderr).toContain("--discovery etcd: expected one of embedded, consul, static");
  },
  ...staticSettingCases,
  "discovery.serviceName": async () => {
    expect(await getJson(answering, "/health")).toMatchObject({ services: [{ name: "own-name" }] });
  },
  "discovery.advertiseAddress": async () => {
    expect(await getJson(answering, "/health")).toMatchObject({ services: [{ address: "engine.example" }] });
  },
  ...consulSettingCases(scratchDirectory),
  ...gatewaySettingCases,
  ...routingSettingCases,
};

/** What serve shows once it is ready. */
async function readBanner(args: readonly string[]): Promise<string> {
  const command = [cliPath, "serve", "--port", "0", "--log-format", "pretty", ...args];
  const child = spawn(process.execPath, command, {
    env: cleanEnvironment(),
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  for await (const text of child.stdout.setEncoding("utf8")) {
    output += String(text);
    if (output.includes("Try it:")) break;
  }
  child.kill("SIGKILL");
  return output;
}

describe("a setting of one model", () => {
  let mixed: TestDaemon;
  let file: string;
  beforeAll(async () => {
    file = join(endless.directory, "models.yaml");
    const engine = "{ maxSequences: 1, contextTokens: 20000, threads: 1, maxQueuedRequests: 1 }";
    await writeFile(
      file,
      `models:
  own: { path: ., engine: ${engine} }
  other: { path: ., aliases: [alias] }
engine: { maxSequences: 3, contextTokens: 400, threads: 2 }
`,
    );
    mixed = await startDaemon({ args: ["--config", file] });
  });
  afterAll(() => mixed[Symbol.asyncDispose]());

  test("contextTokens acts on that model alone", async () => {
    expect(await getJson(mixed, "/v1/models")).toMatchObject({
      data: [
        { id: "own", max_model_len: 20_000 },
        { id: "other", max_model_len: 400 },
      ],
    });
  });

  test("maxSequences acts on that model alone", async () => {
    const metrics = await (await fetch(`${mixed.url}/metrics`)).text();
    const info = /^vllm:cache_config_info\{model_name="(\w+)".*num_gpu_blocks="(\d+)"/gm;
    // Series stand in the order in which the models became ready.
    const counts = Object.fromEntries([...metrics.matchAll(info)].map(([, id, count]) => [id, count]));
    expect(counts).toEqual({ own: "1", other: "3" });
  });

  test("threads acts on that model alone", async () => {
    const engines = (await readBanner(["--config", file])).match(/(?<=model +)\w+(?=,)|\d+(?= threads?$)/gm);
    expect(engines).toEqual(["own", "1", "other", "2"]);
  });

  test("maxQueuedRequests acts on that model alone", async () => {
    const body = (model: string) => ({ ...endlessBody, model, max_tokens: model === "own" ? 19_000 : 200 });
    const running = await openRaw(mixed.url, rawPost("/v1/completions", body("own")));
    await running.waitFor("data: ");
    const queued = await openRaw(mixed.url, rawPost("/v1/completions", body("own")));
    await queued.waitFor("HTTP/1.1 200");
    const refused = await post(mixed, "/v1/completions", { ...body("own"), stream: false });
    expect(refused).toMatchObject({
      status: 429,
      body: { error: { message: expect.stringMatching(/\b1\b/) } },
    });
    // More than run at the same time, and more than the other model may queue.
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () =>
        post(mixed, "/v1/completions", { ...body("alias"), stream: false }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    for (const { socket } of [running, queued]) socket.destroy();
  });
});

test("every setting has a case", () => {
  expect(Object.keys(cases)).toEqual(settings.map(({ path }) => path));
});

test.each(Object.entries(cases))("%s acts", async (_, expectToAct) => {
  await expectToAct();
});
