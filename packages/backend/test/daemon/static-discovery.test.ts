import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { describeRegistry, probeRegistry } from "../../src/commands/doctor/doctor-registry.ts";
import { resolveConfig, type PartialConfig } from "../../src/config/resolve/resolve-config.ts";
import { createDaemon, type Daemon } from "../../src/daemon/daemon.ts";
import { createGateway } from "../../src/daemon/gateway.ts";
import { createEngineSupervisor } from "../../src/models/local/engine-supervisor.ts";
import { createFakeCore } from "../support/fake-core.ts";
import { createFakeProcesses } from "../support/fake-process.ts";

// A daemon that is listed, and who lists it: they are real, the engine process is not.

const logger = pino({ level: "silent" });
/** Nothing listens there. */
const nowhere = "http://127.0.0.1:1";

async function startDaemon(): Promise<{
  readonly daemon: Daemon;
  readonly url: string;
  readonly port: number;
}> {
  const { config } = await resolveConfig({
    file: false,
    overrides: {
      server: { port: 0, drainTimeoutMs: 100 },
      models: { large: { path: "/models/large", aliases: ["big"] } },
    },
  });
  const daemon = createDaemon(config, {
    logger,
    createEngine: (options) => {
      const { modelName = "", engineId = "" } = options.engine;
      const { startProcess } = createFakeProcesses(async (_, { events }) => {
        const core = createFakeCore(events, { model: modelName, engine: engineId });
        const stepping = setInterval(() => core.step(), 5);
        onTestFinished(() => clearInterval(stepping));
        return core;
      });
      return createEngineSupervisor({ ...options, startProcess, heartbeatIntervalMs: 20 });
    },
  });
  onTestFinished(() => daemon.stop("the test is over"));
  const { url, port } = await daemon.start();
  await daemon.ready();
  return { daemon, url, port };
}

const listing = (...daemons: readonly string[]): PartialConfig => ({
  discovery: { provider: "static", daemons, checkIntervalMs: 100 },
});

test("a gateway uses the daemons of a list while they answer", async () => {
  const { daemon, url, port } = await startDaemon();
  const server = { port: 0, mode: "gateway" as const };
  const { config } = await resolveConfig({
    file: false,
    overrides: { ...listing(nowhere, url), server, gateway: { queueTimeoutMs: 100 } },
  });
  const gateway = createGateway(config, { logger, droppedLineCount: () => 0, environment: {} });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  const { url: entrance } = await gateway.start();
  await gateway.ready();
  const ask = async (): Promise<Response> =>
    fetch(`${entrance}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "big", prompt: [7], max_tokens: 1 }),
    });
  const answer = await ask();
  expect(answer.headers.get("x-infernode-backend")).toBe(`127.0.0.1:${port}`);
  expect(answer.status).toBe(200);
  await daemon.stop("test");
  await expect.poll(async () => (await ask()).status, { interval: 20 }).toBe(503);
});

test("doctor shows the models of listed daemons, and which daemons do not answer", async () => {
  const { url, port } = await startDaemon();
  const { config } = await resolveConfig({ file: false, overrides: listing(nowhere, url) });
  const found = await probeRegistry(config, undefined);
  expect(found).toMatchObject({
    provider: "static",
    registry: null,
    checks: [
      { id: "infernode-127.0.0.1-1", isAnswering: false },
      { id: `infernode-127.0.0.1-${port}`, isAnswering: true },
    ],
    reasons: [],
  });
  expect(found === undefined ? [] : describeRegistry(found).split("\n")).toEqual([
    "static, 2 registered as infernode",
    "critical: infernode-127.0.0.1-1, no model known, at 127.0.0.1:1",
    `passing: infernode-127.0.0.1-${port}-0, large, at 127.0.0.1:${port}`,
    expect.stringMatching(/^infernode-127\.0\.0\.1-1: .*cannot be reached/),
  ]);
});

test.each<readonly [string, PartialConfig, string]>([
  ["no daemon", listing(), "discovery.daemons: expected at least one URL"],
  ["one daemon twice", listing(nowhere, nowhere), "discovery.daemons: services: expected unique ids"],
  [
    "daemons with another provider",
    { discovery: { daemons: [nowhere] } },
    "discovery.provider: expected the provider static",
  ],
])("refuses %s", async (_, overrides, message) => {
  const { config } = await resolveConfig({
    file: false,
    overrides: { ...overrides, models: { a: { path: "/models/a" } } },
  });
  const daemon = createDaemon(config, { logger });
  await expect(daemon.start()).rejects.toThrow(message);
});
