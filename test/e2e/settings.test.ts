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
import { freePort } from "../hostile/support/spawn-daemon.ts";
import { cleanEnvironment, cliPath } from "./support/cli-path.ts";
import { deviceBytes, openCudaMachine } from "./support/cuda-machine.ts";
import { consulSettingCases, staticSettingCases } from "./support/discovery-setting-cases.ts";
import { endFeatureCases, featured } from "./support/feature-daemon.ts";
import { endGatewayCases, gatewaySettingCases } from "./support/gateway-setting-cases.ts";
import { makeEndlessModel, type EndlessModel } from "./support/make-endless-model.ts";
import { makeRecitingModel } from "./support/make-reciting-model.ts";
import { endRoutingCases, routingSettingCases } from "./support/routing-setting-cases.ts";
import { sessionSettingCases, storeSettingCases } from "./support/response-setting-cases.ts";
import { runCli } from "./support/run-cli.ts";
import { runCommand } from "./support/run-command.ts";
import { startDaemon, type TestDaemon } from "./support/start-daemon.ts";

// Each setting of the table acts where it should, in the program as it is run.

let tiny: TinyModel;
let endless: EndlessModel;
/** Takes what can be seen in answers. */
let answering: TestDaemon;
/** Runs one answer that never ends, and keeps little of those that ran. */
let busy: TestDaemon;
const port = await freePort();

function flags(values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
}

beforeAll(async () => {
  [tiny, endless] = await Promise.all([createTinyModel(), makeEndlessModel(65_536)]);
  const template = join(tiny.directory, "other.jinja");
  await writeFile(template, "12345{{ messages[0].content }}");
  const answers = flags({
    port: String(port),
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
    "max-sessions": "0",
  });
  const work = flags({
    model: endless.directory,
    "model-name": "endless",
    "max-sequences": "1",
    "ping-interval": "100",
    "max-queued-requests": "2",
    "max-queued-tokens": "50",
    "session-grace": "50",
    "held-memory": "1MiB",
  });
  [answering, busy] = await Promise.all([startDaemon({ args: answers }), startDaemon({ args: work })]);
});
async function scratchDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "infernode-settings-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Files of a cache directory with an older one, after the bundled model was quantized into it. */
let kept: Promise<readonly string[]> | undefined;
const keep = async (): Promise<readonly string[]> => {
  const directory = await scratchDirectory();
  await writeFile(join(directory, "older.safetensors"), new Uint8Array(2 ** 20));
  const once = ["play", "--prompt", "Once", "--max-tokens", "1", "--quantize", "int8"];
  const run = await runCommand([...once, "--cache-dir", directory, "--cache-limit", "3MiB"]);
  expect(run.exitCode).toBe(0);
  return readdir(directory);
};

afterAll(async () => {
  await Promise.all([endRoutingCases(), endGatewayCases()]);
  await Promise.all([endFeatureCases(), shown?.then((daemon) => daemon.end())]);
  await Promise.all([answering, busy].map((daemon) => daemon[Symbol.asyncDispose]()));
  await Promise.all([tiny, endless].map((model) => model[Symbol.asyncDispose]()));
});

/** Plans need no kernels. */
const machine = openCudaMachine("settings of the CUDA executor", { ptx: [] });

interface DevicePlan {
  readonly executor: unknown;
  readonly memoryPlan: { readonly totalBytes: number; readonly productPrecision: string };
}

/** What the CUDA executor would do with the bundled model; `undefined` where there is no device. */
async function planOnDevice(args: readonly string[]): Promise<DevicePlan | undefined> {
  const inspect = ["models", "inspect", "embedded", "--json", "--executor", "cuda", ...args];
  if ("reason" in machine) {
    expect((await runCommand(inspect)).stderr).toContain("the CUDA executor cannot be used");
    return undefined;
  }
  const { stdout } = await runCli(inspect, { environment: machine.environment });
  return JSON.parse(stdout) as DevicePlan;
}

/** Plans with the defaults, and with all settings of the executor. */
let devicePlans: Promise<readonly [DevicePlan | undefined, DevicePlan | undefined]> | undefined;
const planOnDevices = () =>
  (devicePlans ??= Promise.all([
    planOnDevice([]),
    planOnDevice(["--device", "1", "--gpu-memory-utilization", "0.5", "--product-precision", "float32"]),
  ]));

const close = "connection: close";

async function getJson(daemon: Pick<TestDaemon, "url">, path: string): Promise<Record<string, unknown>> {
  return (await (await fetch(daemon.url + path)).json()) as Record<string, unknown>;
}

async function post(
  daemon: Pick<TestDaemon, "url">,
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

/** What was proposed of an answer that is one token again and again. */
let counts: Promise<readonly number[]> | undefined;
const speculate = async (): Promise<readonly number[]> => {
  const daemon = await featured();
  const only = { allowed_token_ids: [50], ignore_eos: true };
  await post(daemon, "/v1/completions", {
    model: "infernode-stories",
    prompt: "Once",
    max_tokens: 40,
    ...only,
  });
  const names = ["proposals", "proposed_tokens", "confirmed_tokens"];
  return Promise.all(names.map((name) => daemon.metric(`infernode_${name}_total`)));
};
const speculated = () => (counts ??= speculate());

/** The program with two models, as people see it. */
interface ShownDaemon {
  /** What it shows once it is ready. */
  readonly banner: string;
  readonly url: string;
  /** Kills an engine; resolves with the log. */
  crash(): Promise<string>;
  end(): void;
}

let shown: Promise<ShownDaemon> | undefined;
const show = async (): Promise<ShownDaemon> => {
  const file = join(endless.directory, "models.yaml");
  const engine = "{ maxSequences: 1, contextTokens: 20000, threads: 1, maxQueuedRequests: 1 }";
  await writeFile(
    file,
    `models:
  own: { path: ., engine: ${engine} }
  other: { path: ., aliases: [alias] }
engine: { maxSequences: 3, contextTokens: 400, threads: 3 }
`,
  );
  const options = ["--log-format", "pretty", "--log-level", "warn", "--runtime", "binding"];
  const args = [cliPath, "serve", "--port", "0", "--config", file, ...options];
  const child = spawn(process.execPath, args, { env: cleanEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
  let banner = "";
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  await new Promise<void>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      banner += text;
      if (banner.includes("Try it:")) resolve();
    });
    child.on("close", () => resolve());
  });
  return {
    banner,
    url: /(?<=API +)http\S+(?=\/v1)/.exec(banner)?.[0] ?? "",
    crash: async () => {
      process.kill(await untilChild(child.pid ?? 0), "SIGKILL");
      while (!log.includes("engine crashed") && child.exitCode === null) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return log;
    },
    end: () => void child.kill("SIGKILL"),
  };
};
const banner = async (): Promise<string> => (await (shown ??= show())).banner;
let crashed: Promise<string> | undefined;
const crash = async (): Promise<string> => (await (shown ??= show())).crash();

/** The answer of a model whose template does not tell how it writes, which is in two ways. */
let recited: Promise<unknown> | undefined;
const recite = async (): Promise<unknown> => {
  await using reciting = await makeRecitingModel({
    template: "{{ tools }}<|cue|>",
    specialTokens: [],
    recitals: [{ cue: "<|cue|>", tokens: ["<think>", "hm", "</think>", "[TOOL_CALLS]", "f{}"] }],
  });
  const parsers = ["--tool-parser", "mistral", "--reasoning-parser", "think"];
  await using daemon = await startDaemon({ args: ["--model", `m=${reciting.directory}`, ...parsers] });
  // The daemon is there until the answer is.
  return await post(daemon, "/v1/chat/completions", {
    model: "m",
    messages: [{ role: "user", content: "?" }],
    tools: [{ type: "function", function: { name: "f" } }],
    temperature: 0,
  });
};

const fixtures = fileURLToPath(new URL("../fixtures", import.meta.url));
const adapterBase = join(fixtures, "checkpoints", "llama2");
const adapter = join(fixtures, "adapters", "llama2-all");

interface Plan {
  readonly weightsBytes: number;
  readonly kvCacheBytes: number;
}

async function plan(model: string, ...args: readonly string[]): Promise<Plan> {
  const { stdout } = await runCommand(["models", "inspect", model, "--json", ...args]);
  return (JSON.parse(stdout) as { memoryPlan: Plan }).memoryPlan;
}

/** Of the bundled model with the defaults, and with integers. */
let plans: Promise<readonly [Plan, Plan]> | undefined;
const planIntegers = () =>
  (plans ??= Promise.all([
    plan("embedded"),
    plan("embedded", "--quantize", "int8", "--kv-cache-dtype", "int8"),
  ]));

let ofTwoAdapters: Promise<Plan> | undefined;
const planTwoAdapters = () => (ofTwoAdapters ??= plan(adapterBase, "--max-loras", "2"));

/** What a daemon knows of adapters that it began with, and what it answers when it is to load another one. */
let adapted: Promise<{ readonly models: unknown; readonly loaded: unknown }> | undefined;
const adapt = async () => {
  const args = ["--model", adapterBase, "--lora", `mine=${adapter}`, "--allow-runtime-lora-updating"];
  await using daemon = await startDaemon({ args });
  const models = await getJson(daemon, "/v1/models");
  const body = { lora_name: "another", lora_path: adapter };
  return { models, loaded: await post(daemon, "/v1/load_lora_adapter", body) };
};

/** What a daemon does whose prompts take for ever, and then its engine, which stands still. */
let failed: ReturnType<typeof fail> | undefined;
const fail = async () => {
  const directory = await modelWithTokenizer(withEndlessSplit);
  const limits = flags({
    "prompt-timeout": "400",
    "stall-after": "1000",
    "hang-after": "5000",
    "max-restarts": "0",
  });
  await using daemon = await startDaemon({ args: ["--model", directory, ...limits] });
  const refused = await post(daemon, "/tokenize", { prompt: endlessText });
  const pid = daemon.enginePid();
  process.kill(pid, "SIGSTOP");
  const stalled = await daemon.waitForLog((line) => String(line["reasons"]).includes("no message"));
  const hung = await daemon.waitForLog(({ msg }) => msg === "engine hung");
  const { exitCode } = await daemon.exited;
  return { refused, stalled, pid, hung, exitCode, messages: daemon.logs.map(({ msg }) => msg) };
};

/** What connections get: the oldest where there is one too many, and one whose request does not end. */
let narrow: Promise<{ readonly oldest: string; readonly late: string }> | undefined;
const narrowDown = async () => {
  const limits = ["--max-connections", "2", "--request-timeout", "400"];
  await using gateway = await startDaemon({
    args: ["--mode", "gateway", "--backend", "b=http://127.0.0.1:9", ...limits],
    until: "listening",
  });
  const first = await openRaw(gateway.url);
  const others = [await openRaw(gateway.url), await openRaw(gateway.url)];
  const oldest = (await first.closed).text;
  for (const { socket } of others) socket.destroy();
  const half = await openRaw(gateway.url, "GET /version HTTP/1.1\r\nhost: local");
  return { oldest, late: (await half.closed).text };
};

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
    expect(new URL(answering.url).port).toBe(String(port));
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
    expect((await (narrow ??= narrowDown())).oldest).not.toContain("200 OK");
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
    expect((await (narrow ??= narrowDown())).late).toMatch(/^HTTP\/1\.1 408/);
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
    const daemon = await featured();
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
    const daemon = await featured();
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
  ...sessionSettingCases({
    directory: () => endless.directory,
    refusing: () => answering,
    busy: () => busy,
    featured,
  }),
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
    const message = { tool_calls: [{ function: { name: "f", arguments: "{}" } }] };
    expect(await (recited ??= recite())).toMatchObject({ body: { choices: [{ message }] } });
  },
  "model.reasoningParser": async () => {
    const message = { reasoning_content: "hm" };
    expect(await (recited ??= recite())).toMatchObject({ body: { choices: [{ message }] } });
  },
  "model.adapters": async () => {
    expect((await (adapted ??= adapt())).models).toMatchObject({ data: [{}, { id: "mine" }] });
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
    const daemon = await featured();
    const steps = "infernode_step_duration_seconds_count";
    const before = await daemon.metric(steps);
    await post(daemon, "/v1/completions", { model: "infernode-stories", prompt, max_tokens: 1 });
    // It would be 32, 64, 128 and then 256 tokens a step.
    expect((await daemon.metric(steps)) - before).toBeGreaterThan(12);
  },
  "engine.streamIntervalTokens": async () => {
    const daemon = await featured();
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
    const error = { code: "prompt_timeout", message: expect.stringMatching(/\b40\d ms/) };
    expect((await (failed ??= fail())).refused).toMatchObject({ status: 400, body: { error } });
  },
  "engine.threads": async () => {
    expect(await banner()).toContain("3 threads");
  },
  "engine.executor": async () => {
    const args = ["play", "--executor", "tfjs", "--prompt", "Hello", "--max-tokens", "3"];
    const slow = await runCommand([...args, "--runtime", "cpu"]);
    expect(slow).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/./) });
    const missing = await runCommand([...args, "--runtime", "tfjs-node"]);
    expect(missing.exitCode).toBe(4);
    expect(missing.stderr).toContain("npm install @tensorflow/tfjs-node (EXECUTOR_UNAVAILABLE)");
    const inspected = await runCommand(["models", "inspect", "embedded", "--executor", "tfjs"]);
    expect(inspected.stdout).toMatch(/^executor +tfjs \(engine\.executor is tfjs\)$/m);
  },
  "engine.device": async () => {
    const [, plan] = await planOnDevices();
    if (plan !== undefined) expect(plan).toMatchObject({ executor: { name: "cuda", device: "cuda:1" } });
  },
  "engine.gpuMemoryUtilization": async () => {
    const [much, little] = await planOnDevices();
    if (much === undefined || little === undefined) return;
    expect(much.memoryPlan.totalBytes).toBeGreaterThan(little.memoryPlan.totalBytes + deviceBytes / 3);
  },
  "engine.runtime": async () => {
    expect(await banner()).toContain("Node binding");
  },
  "engine.quantize": async () => {
    const [wide, narrow] = await planIntegers();
    expect(narrow.weightsBytes).toBeLessThan(wide.weightsBytes / 2);
  },
  "engine.kvCacheDtype": async () => {
    const [wide, narrow] = await planIntegers();
    expect(narrow.kvCacheBytes).toBeLessThan(wide.kvCacheBytes / 3);
  },
  "engine.productPrecision": async () => {
    const inspect = ["models", "inspect", "embedded", "--product-precision", "16-bit"];
    const refused = await runCommand(inspect);
    expect(refused.exitCode).toBe(4);
    expect(refused.stderr).toContain(
      '`productPrecision`: expected "float32", which this executor computes with',
    );
    // It is for the executor that auto did not take.
    expect(refused.stderr).toMatch(/; the executor is onnx \(auto: .* the CUDA executor cannot be used: \S/);
    const precisions = (await planOnDevices()).map((each) => each?.memoryPlan.productPrecision);
    if (precisions[0] !== undefined) expect(precisions).toEqual(["16-bit", "float32"]);
  },
  "engine.productLibrary": async () => {
    const inspect = ["models", "inspect", "embedded", "--product-library", "cublasLt"];
    const refused = await runCommand(inspect);
    expect(refused.exitCode).toBe(4);
    expect(refused.stderr).toContain(
      '`productLibrary`: expected "none", as only the CUDA executor computes with a library of products, got "cublasLt"',
    );
    expect(refused.stderr).toMatch(/; the executor is onnx \(auto: .* the CUDA executor cannot be used: \S/);
  },
  // cuda.test.ts has the library that is there.
  "engine.productLibraryPath": async () => {
    const alone = await runCommand(["models", "inspect", "embedded", "--product-library-path", "/x.so"]);
    expect(alone.exitCode).toBe(2);
    expect(alone.stderr).toContain(
      '--product-library-path /x.so: expected engine.productLibrary "cublasLt" with it, got "none"',
    );
    if ("reason" in machine) return;
    const missing = ["--product-library", "cublasLt", "--product-library-path", "/nowhere/libcublasLt.so.13"];
    const inspect = ["models", "inspect", "embedded", "--executor", "cuda", ...missing];
    const { exitCode, stderr } = await runCli(inspect, { environment: machine.environment });
    expect(exitCode).toBe(4);
    expect(stderr).toMatch(
      /`productLibrary`: expected "none", or a cuBLASLt of CUDA 12 or 13 .*\/nowhere\/libcublasLt\.so\.13/,
    );
  },
  // cuda.test.ts has what it does.
  "engine.runsAhead": async () => {
    const { stdout } = await runCommand(["serve", "--print-config", "--json", "--run-ahead", "false"]);
    expect(JSON.parse(stdout)).toMatchObject({ config: { engine: { runsAhead: false } } });
  },
  "engine.speculation": async () => {
    const [, , confirmed] = await speculated();
    expect(confirmed).toBeGreaterThan(20);
  },
  "engine.speculationTokens": async () => {
    const [proposals = 0, proposed] = await speculated();
    expect(proposed).toBeGreaterThan(2 * proposals);
    expect(proposed).toBeLessThanOrEqual(3 * proposals);
  },
  "engine.speculationMaxSequences": async () => {
    const only = ["--speculation-max-sequences", "3"];
    const { stdout } = await runCommand(["serve", "--print-config", "--json", ...only]);
    expect(JSON.parse(stdout)).toMatchObject({ config: { engine: { speculationMaxSequences: 3 } } });
  },
  "engine.maxAdapters": async () => {
    const more = await plan(adapterBase, "--max-loras", "4");
    expect(more.weightsBytes).toBeGreaterThan((await planTwoAdapters()).weightsBytes);
  },
  "engine.maxAdapterRank": async () => {
    const wide = await plan(adapterBase, "--max-loras", "2", "--max-lora-rank", "64");
    expect(wide.weightsBytes).toBeGreaterThan((await planTwoAdapters()).weightsBytes);
  },
  "engine.allowsAdapterUpdates": async () => {
    expect((await (adapted ??= adapt())).loaded).toMatchObject({ status: 200 });
  },
  "engine.cacheDirectory": async () => {
    expect(await (kept ??= keep())).toContainEqual(expect.stringMatching(/\.safetensors$/));
  },
  "engine.cacheLimitBytes": async () => {
    expect(await (kept ??= keep())).toEqual([expect.not.stringContaining("older")]);
  },
  "engine.memoryLimitBytes": async () => {
    const run = await runCommand(["models", "inspect", "embedded", "--memory-limit", "1MiB"]);
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
    const { hung, pid } = await (failed ??= fail());
    expect(hung).toMatchObject({ pid });
  },
  "engine.maxRestarts": async () => {
    const { exitCode, messages } = await (failed ??= fail());
    expect(exitCode).not.toBe(0);
    expect(messages).not.toContain("engine restarted");
  },
  ...storeSettingCases(featured),
  "log.level": async () => {
    const log = await (crashed ??= crash());
    expect(log).toContain("engine crashed");
    expect(log).not.toContain("listening");
  },
  "log.format": async () => {
    expect(await (crashed ??= crash())).toMatch(/^\[[0-9:.]+\] ERROR: engine crashed/m);
  },
  "health.stallAfterMs": async () => {
    const { reasons } = (await (failed ??= fail())).stalled;
    expect(Number(/no message for (\d+) ms/.exec(String(reasons))?.[1])).toBeLessThan(30_000);
  },
  "discovery.provider": async () => {
    expect(await getJson(answering, "/v1/system/registry")).toMatchObject({ provider: "embedded" });
    const refused = await runCommand(["serve", "--print-config", "--discovery", "etcd"]);
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

describe("a setting of one model", () => {
  let mixed: ShownDaemon;
  beforeAll(async () => {
    mixed = await (shown ??= show());
  });

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
    const engines = mixed.banner.match(/(?<=model +)\w+(?=,)|\d+(?= threads?$)/gm);
    expect(engines).toEqual(["own", "1", "other", "3"]);
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
