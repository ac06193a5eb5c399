import { describe, expect, onTestFinished, test } from "vitest";
import { createConsulDiscovery, type ConsulDiscovery } from "../../src/consul/index.ts";
import type { ConsulDiscoveryOptions } from "../../src/consul/index.ts";
import type { DiscoveryEvent, ServiceRegistration } from "../../src/index.ts";
import type { ConsulServer } from "../support/consul-server.ts";
import { consulServers } from "../support/consul-servers.ts";
import { stoppedClock, untilList } from "../support/watching.ts";

const service: ServiceRegistration = {
  id: "node-1",
  name: "infernode",
  address: "127.0.0.1",
  port: 8000,
  tags: ["openai"],
  metadata: { model: "tiny" },
};

function connect(server: ConsulServer, options: ConsulDiscoveryOptions = {}): ConsulDiscovery {
  const provider = createConsulDiscovery({
    url: server.url,
    retry: { minMs: 20, maxMs: 100 },
    ...(server.token === undefined ? {} : { token: server.token }),
    ...options,
  });
  onTestFinished(() => provider.dispose());
  return provider;
}

describe.each(consulServers)("over $name", ({ start: startServer }) => {
  const start: typeof startServer = async (options) => {
    const server = await startServer(options);
    onTestFinished(() => server[Symbol.asyncDispose]());
    return server;
  };

  test("a registration that is not confirmed turns critical, which a watcher sees", async () => {
    const server = await start();
    await connect(server, { ttlMs: 300, clock: stoppedClock }).register(service);
    const [expired] = await untilList(connect(server), "infernode", ([first]) => first?.state === "critical");
    expect(expired).toEqual({ ...service, state: "critical" });
  });

  test("a service that makes no progress is critical until it does", async () => {
    const server = await start();
    let reason: string | undefined;
    await connect(server, { ttlMs: 3000, stallReason: () => reason }).register(service);
    const states: string[] = [];
    for await (const [first] of connect(server).watch("infernode")) {
      states.push(first?.state ?? "none");
      if (states.length === 3) break;
      reason = states.length === 1 ? "no step for 30 s" : undefined;
    }
    expect(states).toEqual(["passing", "critical", "passing"]);
  });

  test("serves the last list while Consul is down, and registers again what Consul lost", async () => {
    const server = await start();
    const events: DiscoveryEvent[] = [];
    const provider = connect(server, {
      ttlMs: 3000,
      events: { emit: (...event) => void events.push(event) },
    });
    const registered = await provider.register(service);
    const watching = provider.watch("infernode")[Symbol.asyncIterator]();
    expect((await watching.next()).value).toEqual([{ ...service, state: "passing" }]);

    await server.stop();
    await expect.poll(() => provider.status().state).toBe("unreachable");
    expect(await provider.list({ name: "infernode" })).toEqual([{ ...service, state: "passing" }]);
    expect(await provider.list({ tag: "openai" })).toHaveLength(1);
    expect(await untilList(provider, "infernode", () => true)).toHaveLength(1);
    await registered.update({ metadata: { model: "other" } });
    const down = provider.status();
    expect(down.reason).toContain("ECONNREFUSED");
    expect(down.lists).toEqual([{ name: "infernode", ageMs: expect.any(Number) }]);
    expect(down.lists[0]?.ageMs).toBeGreaterThan(0);

    await server.start();
    const isBack = (list: readonly { metadata: object }[]): boolean =>
      list[0] !== undefined && "model" in list[0].metadata && list[0].metadata.model === "other";
    let list = (await watching.next()).value;
    while (!isBack(list)) list = (await watching.next()).value;
    expect(list).toEqual([{ ...service, metadata: { model: "other" }, state: "passing" }]);
    await expect
      .poll(() => provider.status().registrations)
      .toEqual([{ id: "node-1", isConfirmed: true, reason: undefined }]);
    const states = events.flatMap(([name, payload]) =>
      name === "discovery:registry-state-changed" ? [payload.state] : [],
    );
    expect(states).toEqual(["reachable", "unreachable", "reachable"]);
  });

  test("a Consul that is down at the start gets the registration when it is there", async () => {
    const server = await start();
    await server.stop();
    const provider = connect(server);
    await provider.register(service, { state: "warning" });
    await expect(provider.list({ name: "infernode" })).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
    });
    await expect(provider.list()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(provider.status()).toMatchObject({
      contactAgeMs: undefined,
      registrations: [{ isConfirmed: false }],
    });
    const first = provider.watch("infernode")[Symbol.asyncIterator]().next();
    await server.start();
    await first;
    const [instance] = await untilList(provider, "infernode", (list) => list.length > 0);
    expect(instance?.state).toBe("warning");
  });

  test("registers again what somebody else removed", async () => {
    const server = await start();
    const provider = connect(server, { ttlMs: 3000 });
    await provider.register(service);
    const counts: number[] = [];
    for await (const list of connect(server).watch("infernode")) {
      if (counts.push(list.length) === 3) break;
      if (counts.length === 1) {
        await fetch(`${server.url}/v1/agent/service/deregister/node-1`, { method: "PUT" });
      }
    }
    expect(counts).toEqual([1, 0, 1]);
  });

  test("takes over the registration of a process that ended", async () => {
    const server = await start();
    await connect(server, { clock: stoppedClock }).register(service);
    await untilList(connect(server), "infernode", ([first]) => first?.state === "passing");
    await connect(server).register({ ...service, metadata: { model: "new" } }, { state: "critical" });
    const list = await untilList(
      connect(server),
      "infernode",
      ([first]) => first?.metadata["model"] === "new",
    );
    expect(list).toEqual([{ ...service, metadata: { model: "new" }, state: "critical" }]);
  });

  test("says that a token is refused, and goes on trying", async () => {
    const server = await start({ hasAccessControl: true });
    const events: DiscoveryEvent[] = [];
    const emit = (...event: DiscoveryEvent): void => void events.push(event);
    const wrong = connect(server, { token: "22222222-0000-0000-0000-000000000000", events: { emit } });
    await wrong.register(service);
    expect(wrong.status()).toMatchObject({
      state: "refused",
      registrations: [{ id: "node-1", isConfirmed: false, reason: expect.stringContaining("status 403") }],
    });
    expect(events.at(-1)?.[1]).toMatchObject({ registry: "consul", state: "refused" });
    await expect(wrong.list({ name: "infernode" })).rejects.toMatchObject({ code: "REGISTRY_REFUSED" });

    const right = connect(server);
    await right.register(service);
    expect(await untilList(right, "infernode", (list) => list.length > 0)).toHaveLength(1);
    await right.register({ ...service, id: "node-2" });
    expect(await untilList(right, "infernode", (list) => list.length === 2)).toHaveLength(2);
    expect(await right.list()).toHaveLength(2);
  });

  test("an empty list without the right to read is an error, not the absence of services", async () => {
    const server = await start({ hasAccessControl: true });
    const { writerToken } = server;
    await connect({ ...server, token: writerToken }).register(service);
    for (const token of [undefined, writerToken]) {
      await expect(connect({ ...server, token }).list({ name: "infernode" })).rejects.toMatchObject({
        code: "REGISTRY_REFUSED",
      });
    }
  });

  test("needs no token to read where anybody may, and none is registered yet", async () => {
    const server = await start({ hasAccessControl: true, mayAnyoneRead: true });
    const anonymous = connect({ ...server, token: undefined });
    expect(await anonymous.list({ name: "infernode" })).toEqual([]);
    await connect(server).register(service);
    expect(await untilList(anonymous, "infernode", (list) => list.length > 0)).toHaveLength(1);
  });

  test("a namespace that the Consul does not have is refused", async () => {
    const provider = connect(await start(), { namespace: "team" });
    await expect(provider.list({ name: "infernode" })).rejects.toMatchObject({
      code: "REGISTRY_REFUSED",
      message: expect.stringContaining("X-Consul-Namespace"),
    });
  });
});
