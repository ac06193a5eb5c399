import { createServer } from "node:net";
import { createEmbeddedDiscovery } from "@infernode/discovery";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { resolveConfig, type PartialConfig } from "../../src/config/resolve/resolve-config.ts";
import { createDaemon, type Daemon } from "../../src/daemon/daemon.ts";
import { createCoreWithBuiltThreads } from "../support/create-core-with-built-threads.ts";
import type { CreateEngineCore } from "../../src/models/engine/engine-core.ts";
import {
  createEngineSupervisor,
  type EngineSupervisor,
  type EngineSupervisorOptions,
} from "../../src/models/local/engine-supervisor.ts";
import { createEventBus } from "../../src/events/event-bus.ts";
import type { InfernodeEvent } from "../../src/events/event-map.ts";
import { createFakeProcesses, type FakeProcess } from "../support/fake-process.ts";
import { createTinyModel, type TinyModel } from "../support/tiny-model.ts";

let model: TinyModel;
beforeAll(async () => {
  model = await createTinyModel();
});
afterAll(() => model[Symbol.asyncDispose]());

const open: Daemon[] = [];
afterEach(async () => {
  for (const daemon of open.splice(0)) await daemon.stop("the test is over");
});

interface Setup {
  readonly daemon: Daemon;
  readonly processes: readonly FakeProcess[];
  readonly heard: readonly InfernodeEvent[];
  readonly discovery: ReturnType<typeof createEmbeddedDiscovery>;
}

async function setUp(
  overrides: PartialConfig = {},
  createCore: CreateEngineCore = createCoreWithBuiltThreads,
): Promise<Setup> {
  const { config } = await resolveConfig({
    file: false,
    overrides: {
      model: { path: model.directory, name: "tiny" },
      ...overrides,
      server: { port: 0, drainTimeoutMs: 10_000, ...overrides.server },
    },
  });
  const events = createEventBus({
    onHandlerError: (error) => {
      throw error;
    },
  });
  const heard: InfernodeEvent[] = [];
  events.onAny((...event) => void heard.push(event));
  const { processes, startProcess } = createFakeProcesses(createCore);
  const createEngine = (options: EngineSupervisorOptions): EngineSupervisor =>
    createEngineSupervisor({ ...options, startProcess, heartbeatIntervalMs: 20, firstRestartDelayMs: 1 });
  const discovery = createEmbeddedDiscovery({ events });
  const daemon = createDaemon(config, { logger: pino({ level: "silent" }), events, createEngine, discovery });
  open.push(daemon);
  return { daemon, processes, heard, discovery };
}

async function postCompletion(url: string, body: Readonly<Record<string, unknown>>): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny", prompt: "hello", max_tokens: 4, ...body }),
  });
}

function next(daemon: Daemon, name: InfernodeEvent[0]): Promise<unknown> {
  return new Promise((resolve) => {
    const off = daemon.events.on(name, (payload) => {
      off();
      resolve(payload);
    });
  });
}

test("a configuration of a gateway is refused", async () => {
  await expect(setUp({ server: { mode: "gateway" } })).rejects.toThrow("server.mode: expected engine");
});

describe("a daemon", () => {
  test("listens at once, says that it loads, and is ready when the model is", async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { daemon } = await setUp({}, async (...args) => {
      await gate;
      return createCoreWithBuiltThreads(...args);
    });
    const { url, port } = await daemon.start();
    expect(port).toBeGreaterThan(0);
    const loading = await fetch(`${url}/health/ready`);
    expect(loading.status).toBe(503);
    expect(await loading.json()).toMatchObject({ reasons: [expect.stringContaining("loading the model")] });
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    const early = await postCompletion(url, {});
    expect(early.status).toBe(503);
    release();
    expect(await daemon.ready()).toMatchObject([{ id: "tiny" }]);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    const answer = await postCompletion(url, {});
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ usage: { completion_tokens: 4 } });
  });

  test("counts in /metrics what it did, also over a crash of the engine", async () => {
    const { daemon, processes } = await setUp();
    const { url } = await daemon.start();
    await daemon.ready();
    const count = async (name: string): Promise<number> => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const line = text.split("\n").find((each) => each.startsWith(`${name}{`));
      return Number(line?.split(" ").at(-1));
    };
    const generated = (): Promise<number> => count("vllm:generation_tokens_total");
    await postCompletion(url, { ignore_eos: true });
    expect(await generated()).toBe(4);
    const restarted = next(daemon, "backend:engine-restarted");
    processes[0]?.crash();
    await restarted;
    await postCompletion(url, { ignore_eos: true });
    expect(await generated()).toBe(8);
    expect(await count("infernode_engine_crashes_total")).toBe(1);
    expect(await count("vllm:time_to_first_token_seconds_count")).toBe(2);
  });

  test("registers itself, passing only when it is ready, and takes itself out", async () => {
    const { daemon, discovery, heard } = await setUp({
      discovery: { serviceName: "stories", advertiseAddress: "10.0.0.9" },
    });
    const { port } = await daemon.start();
    expect(await discovery.list({ name: "stories", state: "passing" })).toEqual([]);
    const [, told] = heard.find(([name]) => name === "discovery:service-registered") ?? [];
    expect(told).toMatchObject({ service: { state: "critical" } });
    await daemon.ready();
    const [service] = await discovery.list({ name: "stories", state: "passing" });
    expect(service).toMatchObject({
      address: "10.0.0.9",
      port,
      tags: ["openai", "model-tiny"],
      metadata: { model: "tiny", state: "ready", "context-tokens": "256" },
    });
    await daemon.stop("test");
    expect(await discovery.list({ name: "stories" })).toEqual([]);
  });

  test("registers how the latest prompts began where its engine keeps that, until it restarts", async () => {
    const discovery = { serviceName: "stories", updateIntervalMs: 100 };
    const {
      daemon,
      discovery: registry,
      processes,
    } = await setUp({ discovery }, async (...args) => {
      const core = await createCoreWithBuiltThreads(...args);
      const kvPages = { pageTokens: 16, pageCount: 16, isShareable: true };
      return { ...core, model: { ...core.model, memoryPlan: { ...core.model.memoryPlan, kvPages } } };
    });
    const { url } = await daemon.start();
    await daemon.ready();
    const prefixes = async (): Promise<string | undefined> =>
      (await registry.list({ name: "stories" }))[0]?.metadata["prefixes"];
    expect(await prefixes()).toBeUndefined();
    await postCompletion(url, { prompt: "hello ".repeat(50), max_tokens: 1 });
    await expect.poll(prefixes, { timeout: 10_000 }).toHaveLength(512);
    processes[0]?.crash();
    await expect.poll(prefixes, { timeout: 10_000 }).toBe("");
  });

  test("emits events from its start to its stop", async () => {
    const { daemon, heard } = await setUp();
    const { url } = await daemon.start();
    await daemon.ready();
    await postCompletion(url, {});
    await daemon.stop("test");
    const names = heard.map(([name]) => name);
    for (const name of [
      "discovery:service-registered",
      "backend:model-loaded",
      "backend:engine-started",
      "health:status-changed",
      "inference:request-finished",
      "inference:step-finished",
      "backend:draining",
      "backend:stopped",
    ] as const) {
      expect(names).toContain(name);
    }
    expect(heard.at(-1)).toEqual(["backend:stopped", { reason: "test" }]);
  });

  test("finishes running answers when it is stopped, and answers nothing new", async () => {
    const { daemon } = await setUp();
    const { url } = await daemon.start();
    await daemon.ready();
    const scheduled = next(daemon, "inference:first-token");
    const running = postCompletion(url, { max_tokens: 200, ignore_eos: true });
    await scheduled;
    const stopped = daemon.stop("test");
    expect(daemon.stop("again")).toBe(stopped);
    const answer = await running;
    expect(await answer.json()).toMatchObject({ usage: { completion_tokens: 200 } });
    await stopped;
    await expect(postCompletion(url, {})).rejects.toThrow("fetch failed");
    expect(() => daemon.start()).toThrow(/stopped/);
  });

  test("disposes of everything though the registry cannot be reached any more", async () => {
    const { daemon, discovery, heard } = await setUp();
    const register = discovery.register.bind(discovery);
    discovery.register = async (...args) => {
      const registered = await register(...args);
      registered.deregister = async () => {
        throw new Error("connect ECONNREFUSED");
      };
      return registered;
    };
    await daemon.start();
    await daemon.stop("test");
    expect(daemon.engines[0]).toMatchObject({ state: "stopped", pid: undefined });
    expect(heard.at(-1)).toEqual(["backend:stopped", { reason: "test" }]);
  });

  test("says that the port is in use, and leaves nothing running", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { daemon } = await setUp({ server: { port } });
    await expect(daemon.start()).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(String(port)),
    });
    await new Promise((resolve) => server.close(resolve));
    expect(daemon.engines[0]?.state).toBe("stopped");
  });

  test("says why when the model cannot be loaded", async () => {
    const { daemon } = await setUp({ engine: { memoryLimitBytes: 2 ** 20 } });
    await daemon.start();
    await expect(daemon.ready()).rejects.toMatchObject({
      code: "MODEL_LOAD_FAILED",
      message: expect.stringContaining("MODEL_DOES_NOT_FIT"),
      cause: { code: "MODEL_DOES_NOT_FIT", data: { requiredBytes: expect.any(Number) } },
    });
    expect(daemon.engines[0]?.state).toBe("failed");
  });
});
