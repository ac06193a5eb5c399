import { isDeepStrictEqual } from "node:util";
import type { ServiceInstance } from "@infernode/discovery";
import { createConsulDiscovery, type ConsulDiscovery } from "@infernode/discovery/consul";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ConsulServer } from "../../../discovery/test/support/consul-server.ts";
import { consulServers } from "../../../discovery/test/support/consul-servers.ts";
import { untilList } from "../../../discovery/test/support/watching.ts";
import { resolveConfig } from "../../src/config/resolve/resolve-config.ts";
import { createDaemon, type Daemon } from "../../src/daemon/daemon.ts";
import { createEngineSupervisor } from "../../src/models/local/engine-supervisor.ts";
import { parseServiceMetadata } from "../../src/registry/service-metadata.ts";
import { createFakeCore, type FakeCore } from "../support/fake-core.ts";
import { createFakeProcesses, type FakeProcess } from "../support/fake-process.ts";

// Daemons over Consul: they are real, their engine processes are not.

async function startDaemon(server: Pick<ConsulServer, "url" | "token">, drainTimeoutMs = 100) {
  const { config } = await resolveConfig({
    file: false,
    overrides: {
      server: { port: 0, drainTimeoutMs },
      models: { steady: { path: "/models/steady" }, fragile: { path: "/models/fragile" } },
      discovery: { provider: "consul", updateIntervalMs: 100 },
      consul: { url: server.url, ttlMs: 1000 },
    },
  });
  const processes = new Map<string, readonly FakeProcess[]>();
  const cores: FakeCore[] = [];
  const daemon: Daemon = createDaemon(config, {
    logger: pino({ level: "silent" }),
    consulToken: server.token,
    createEngine: (options) => {
      const { modelName = "", engineId = "" } = options.engine;
      const fakes = createFakeProcesses(async (_, { events }) => {
        const core = createFakeCore(events, { model: modelName, engine: engineId });
        cores.push(core);
        return core;
      });
      processes.set(modelName, fakes.processes);
      const { startProcess } = fakes;
      return createEngineSupervisor({ ...options, startProcess, heartbeatIntervalMs: 20 });
    },
  });
  onTestFinished(() => daemon.stop("the test is over"));
  const { url, port } = await daemon.start();
  await daemon.ready();
  let isPaused = false;
  const stepping = setInterval(() => {
    if (!isPaused) for (const core of cores) core.step();
  }, 10);
  onTestFinished(() => clearInterval(stepping));
  /** Keeps what runs from ending, or goes on with it. */
  const pause = (value: boolean): void => void (isPaused = value);
  return { daemon, url, port, processes, pause };
}

function connect({ url, token }: ConsulServer): ConsulDiscovery {
  const reader = createConsulDiscovery({ url, ...(token !== undefined && { token }), retry: { maxMs: 500 } });
  onTestFinished(() => reader.dispose());
  return reader;
}

function statesOf(list: readonly ServiceInstance[]): Readonly<Record<string, string>> {
  return Object.fromEntries(list.map(({ metadata, state }) => [metadata["model"], state]));
}

const untilStates = (reader: ConsulDiscovery, wanted: Readonly<Record<string, string>>) =>
  untilList(reader, "infernode", (list) => list.length === 2 && isDeepStrictEqual(statesOf(list), wanted));

/** On a busy machine a daemon is late with its next update, and learns of it later still. */
const patiently = { interval: 20 };

describe.each(consulServers)("a daemon over $name", ({ start }) => {
  const startServer = async (options?: Parameters<typeof start>[0]): Promise<ConsulServer> => {
    const server = await start(options);
    onTestFinished(() => server[Symbol.asyncDispose]());
    return server;
  };

  test("registers its models; a hung engine is critical while its process lives, the other one is not", async () => {
    const server = await startServer({ hasAccessControl: true });
    const reader = connect(server);
    const { url, port, processes } = await startDaemon(server);
    // Consul is told the state and the metadata one after the other.
    const list = await untilList(
      reader,
      "infernode",
      (found) =>
        found.length === 2 &&
        found.every(({ metadata, state }) => metadata["state"] === "ready" && state === "passing"),
    );
    for (const each of list) expect(each).toMatchObject({ address: "127.0.0.1", port });
    const descriptions = list.map(({ metadata }) => parseServiceMetadata(metadata));
    expect(descriptions).toContainEqual(expect.objectContaining({ model: "steady", running: 0 }));

    processes.get("fragile")?.[0]?.freeze();
    await untilStates(reader, { steady: "passing", fragile: "critical" });
    const report = async (): Promise<unknown> => (await fetch(`${url}/v1/system/registry`)).json();
    await expect.poll(report, patiently).toMatchObject({
      provider: "consul",
      serviceName: "infernode",
      registry: { url: server.url, state: "reachable" },
      registrations: [
        { state: "passing", isConfirmed: true },
        { state: "critical", isConfirmed: true },
      ],
      instances: expect.arrayContaining([
        expect.objectContaining({ state: "passing" }),
        expect.objectContaining({ state: "critical" }),
      ]),
      instancesAgeMs: expect.any(Number),
    });
    const metrics = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();
    await expect.poll(metrics, patiently).toContain(`infernode_registry_state{state="reachable"} 1`);
    await expect.poll(metrics, patiently).toContain(`infernode_registry_registrations{confirmed="true"} 2`);
  });

  test("deregisters before it drains, and loses nothing that runs", async () => {
    const server = await startServer();
    const reader = connect(server);
    const { daemon, url, pause } = await startDaemon(server, 120_000);
    await untilStates(reader, { steady: "passing", fragile: "passing" });
    pause(true);
    const body = JSON.stringify({ model: "steady", prompt: [7, 8, 9], stream: true });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${url}/v1/completions`, { method: "POST", headers, body });
    const stopped = daemon.stop("test");
    await untilList(reader, "infernode", (list) => list.length === 0);
    pause(false);
    expect(await answer.text()).toMatch(/"finish_reason":"length"[^]*data: \[DONE\]/);
    await stopped;
  });

  test("a Consul that is down at the start, or is started anew, hurts no request and learns what it missed", async () => {
    const server = await startServer();
    await server.stop();
    const { url } = await startDaemon(server);
    const ask = async (): Promise<number> => {
      const body = JSON.stringify({ model: "steady", prompt: [7], max_tokens: 1 });
      const headers = { "content-type": "application/json" };
      return (await fetch(`${url}/v1/completions`, { method: "POST", headers, body })).status;
    };
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    expect(await ask()).toBe(200);
    const unreachable = { state: "unreachable", reason: expect.any(String) };
    const report = async (): Promise<unknown> => (await fetch(`${url}/v1/system/registry`)).json();
    await expect.poll(report, patiently).toMatchObject({
      registry: unreachable,
      registrations: [{ isConfirmed: false }, { isConfirmed: false }],
      reason: expect.any(String),
    });
    // Each time by a reader that knows nothing of the time before.
    await server.start();
    await untilStates(connect(server), { steady: "passing", fragile: "passing" });
    await server.stop();
    await server.start();
    await untilStates(connect(server), { steady: "passing", fragile: "passing" });
    expect(await ask()).toBe(200);
  });
});
