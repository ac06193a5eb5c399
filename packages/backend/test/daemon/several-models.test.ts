import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { resolveConfig } from "../../src/config/resolve/resolve-config.ts";
import { createDaemon, type Daemon } from "../../src/daemon/daemon.ts";
import type { CreateEngineCore } from "../../src/models/engine/engine-core.ts";
import { createEngineSupervisor } from "../../src/models/local/engine-supervisor.ts";
import { createEventBus } from "../../src/events/event-bus.ts";
import type { InfernodeEvent } from "../../src/events/event-map.ts";
import { createResolvers } from "../../src/create-resolvers.ts";
import { createFakeCore, type FakeCore } from "../support/fake-core.ts";
import { createFakeProcesses, type FakeProcess } from "../support/fake-process.ts";

const open: Daemon[] = [];
afterEach(async () => {
  for (const daemon of open.splice(0)) await daemon.stop("the test is over");
});

/** A daemon with the models `steady` and `fragile`; the second one loads when `load` is called. */
async function setUp() {
  const { config } = await resolveConfig({
    file: false,
    overrides: {
      server: { port: 0 },
      models: {
        steady: { path: "/models/steady" },
        fragile: { path: "/models/fragile", aliases: ["other"] },
      },
      engine: { maxRestarts: 4 },
    },
  });
  const heard: InfernodeEvent[] = [];
  const events = createEventBus({
    onHandlerError: (error) => {
      throw error;
    },
  });
  events.onAny((...event) => void heard.push(event));
  const loaded = createResolvers<void>();
  const cores: FakeCore[] = [];
  const createCore: CreateEngineCore = async ({ modelName = "", engineId = "" }, { events: sink }) => {
    if (modelName === "fragile") await loaded.promise;
    const core = createFakeCore(sink, { model: modelName, engine: engineId });
    cores.push(core);
    return core;
  };
  const processes = new Map<string, FakeProcess[]>();
  const daemon = createDaemon(config, {
    logger: pino({ level: "silent" }),
    events,
    createEngine: (options) => {
      const fakes = createFakeProcesses(createCore);
      processes.set(options.engine.modelName ?? "", fakes.processes);
      const { startProcess } = fakes;
      return createEngineSupervisor({
        ...options,
        startProcess,
        heartbeatIntervalMs: 20,
        firstRestartDelayMs: 1,
      });
    },
  });
  open.push(daemon);
  const { url } = await daemon.start();
  await daemon.engines[0]?.start();
  const next = (name: "backend:engine-restarted"): Promise<unknown> =>
    new Promise((resolve) => {
      const off = events.on(name, (payload) => {
        off();
        resolve(payload);
      });
    });
  const untilFailed = new Promise<void>((resolve) => {
    events.on("backend:engine-state-changed", ({ model, to }) => {
      if (model === "fragile" && to === "failed") resolve();
    });
  });
  const getJson = async (path: string): Promise<{ readonly status: number; readonly body: unknown }> => {
    const response = await fetch(url + path);
    return { status: response.status, body: await response.json() };
  };
  return { daemon, url, heard, cores, processes, load: loaded.resolve, next, untilFailed, getJson };
}

function post(url: string, model: string, tokenCount: number): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt: Array(tokenCount).fill(7), max_tokens: tokenCount, stream: true }),
  });
}

/** Begins an answer of one token for each of the prompt's. */
async function stream(url: string, model: string, tokenCount: number) {
  const response = await post(url, model, tokenCount);
  expect(response.status).toBe(200);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let isOver = false;
  const until = async (isReached: () => boolean): Promise<void> => {
    while (!isReached() && !isOver) {
      const { value, done = true } = (await reader?.read()) ?? {};
      text += value ?? "";
      isOver = done;
    }
  };
  const tokens = (): number => text.split(`"text":"7"`).length - 1;
  return {
    text: () => text,
    untilToken: (count: number) => until(() => tokens() >= count),
    untilEnd: () => until(() => false),
  };
}

/** Of each metric family of an engine, the engines that it has series of. */
async function enginesByFamily(url: string): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const families = new Map<string, Set<string>>();
  let family = "";
  for (const line of (await (await fetch(`${url}/metrics`)).text()).split("\n")) {
    family = /^# TYPE (\S+)/.exec(line)?.[1] ?? family;
    const [model, engine] = [/model_name="([^"]*)"/, /engine="([^"]*)"/].map((each) => each.exec(line)?.[1]);
    if (model === undefined) continue;
    const engines = families.get(family) ?? new Set();
    families.set(family, engines.add(`${model} ${engine}`));
  }
  return families;
}

test("a model that loads, crashes and is given up disturbs no other one", async () => {
  const { daemon, url, heard, cores, processes, load, next, untilFailed, getJson } = await setUp();
  const degraded = {
    status: 200,
    body: { status: "degraded", reasons: [expect.stringContaining("fragile/")] },
  };
  // It loads.
  expect(await getJson("/health/ready")).toMatchObject(degraded);
  const answer = await stream(url, "steady", 9);
  let tokenCount = 0;
  const step = async (): Promise<void> => {
    cores[0]?.step();
    await answer.untilToken((tokenCount += 1));
  };
  await step();
  load();
  await daemon.ready();
  expect(await getJson("/health/ready")).toMatchObject({ status: 200, body: { status: "healthy" } });
  await step();
  // Four crashes in a row are survived, the fifth is not.
  for (const index of [0, 1, 2, 3, 4]) {
    const settled = index < 4 ? next("backend:engine-restarted") : untilFailed;
    processes.get("fragile")?.[index]?.crash();
    await step();
    await settled;
  }
  expect(daemon.engines.map(({ state }) => state)).toEqual(["ready", "failed"]);
  expect(processes.get("steady")).toHaveLength(1);
  expect(await getJson("/health/ready")).toMatchObject(degraded);
  expect(await getJson("/health/live")).toMatchObject({ status: 200, body: { status: "degraded" } });
  expect(await post(url, "other", 1)).toMatchObject({ status: 503 });
  await step();
  await step();
  await answer.untilEnd();
  expect(answer.text()).toMatch(/"finish_reason":"length"[^]*\[DONE\]/);

  const families = await enginesByFamily(url);
  expect(families.size).toBeGreaterThan(30);
  for (const [family, engines] of families) {
    expect([family, ...engines].toSorted()).toEqual([family, "fragile 1", "steady 0"].toSorted());
  }
  const crashes = heard.filter(([name]) => name === "backend:engine-crashed");
  expect(crashes).toHaveLength(5);
  const unnamed = heard.filter(
    ([name, payload]) => /^(?:backend:(?!draining|stopped)|inference:)/.test(name) && !isNamed(payload),
  );
  expect(unnamed).toEqual([]);
  for (const [, payload] of crashes) expect(payload).toMatchObject({ model: "fragile", engine: "1" });
});

/** Names one of the two engines, and its own model. */
function isNamed(payload: object): boolean {
  const { model, engine } = payload as { readonly model?: string; readonly engine?: string };
  return (model === "steady" && engine === "0") || (model === "fragile" && engine === "1");
}
