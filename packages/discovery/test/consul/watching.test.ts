import { expect, onTestFinished, test } from "vitest";
import { createConsulDiscovery, type ConsulDiscovery } from "../../src/consul/index.ts";
import type { ConsulDiscoveryOptions } from "../../src/consul/index.ts";
import { nextIndex } from "../../src/consul/service-watch.ts";
import { startConsulStandIn, type ConsulStandIn } from "../support/consul-stand-in.ts";
import { createFastClock, untilList } from "../support/watching.ts";

// What only a stand-in shows: the requests themselves.

const service = {
  id: "node-1",
  name: "infernode",
  address: "127.0.0.1",
  port: 8000,
  tags: [],
  metadata: {},
};

async function start(
  options: ConsulDiscoveryOptions = {},
): Promise<{ server: ConsulStandIn; provider: ConsulDiscovery }> {
  const server = await startConsulStandIn();
  const provider = createConsulDiscovery({ url: server.url, retry: { minMs: 20, maxMs: 100 }, ...options });
  onTestFinished(async () => {
    await provider.dispose();
    await server[Symbol.asyncDispose]();
  });
  return { server, provider };
}

test("begins anew when the index goes back, and never waits for a change after 0", () => {
  expect(nextIndex(0n, 12n)).toBe(12n);
  expect(nextIndex(12n, 12n)).toBe(12n);
  expect(nextIndex(12n, 3n)).toBe(0n);
  expect(nextIndex(0n, 0n)).toBe(1n);
});

test("sees changes after the index went back", async () => {
  const { server, provider } = await start();
  const watching = provider.watch("infernode")[Symbol.asyncIterator]();
  expect((await watching.next()).value).toEqual([]);
  server.setIndex(1_000_000);
  await expect.poll(() => server.blockedCount).toBe(1);
  server.setIndex(5);
  const next = watching.next();
  await provider.register(service);
  expect((await next).value).toHaveLength(1);
});

test("watchers of one name share a request, which the last one ends", async () => {
  const { server, provider } = await start();
  const [first, second] = [provider.watch("infernode"), provider.watch("infernode")].map((watch) =>
    watch[Symbol.asyncIterator](),
  );
  await Promise.all([first?.next(), second?.next()]);
  await expect.poll(() => server.blockedCount).toBe(1);
  await first?.return?.();
  expect(server.blockedCount).toBe(1);
  await second?.return?.();
  await expect.poll(() => server.blockedCount).toBe(0);
});

test("dispose ends the requests that wait, also where Consul does not answer any more", async () => {
  const { server, provider } = await start();
  const watching = provider.watch("infernode")[Symbol.asyncIterator]();
  await watching.next();
  await provider.register(service);
  server.fail({ status: 500, text: "No cluster leader" });
  await provider.dispose();
  await expect.poll(() => server.blockedCount).toBe(0);
  expect((await watching.next()).done).toBe(true);
});

test("a removal that Consul did not hear is told again", async () => {
  const { server, provider } = await start();
  const registered = await provider.register(service);
  server.fail({ status: 500, text: "No cluster leader" });
  await registered.deregister();
  expect(provider.status()).toMatchObject({ state: "unreachable", registrations: [] });
  server.fail(undefined);
  expect(await untilList(provider, "infernode", (list) => list.length === 0)).toEqual([]);
});

test("an absence of an hour costs a request every half minute, and ends with the registration", async () => {
  const clock = createFastClock();
  const { server, provider } = await start({ clock, retry: { minMs: 500, maxMs: 30_000 }, random: () => 1 });
  await server.stop();
  await provider.register(service);
  await expect.poll(() => clock.now()).toBeGreaterThan(3_600_000);
  const attempts = [...clock.sleeps];
  expect(attempts.slice(0, 8)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  expect(Math.max(...attempts)).toBe(30_000);
  await server.start();
  await expect.poll(() => provider.status().registrations[0]?.isConfirmed).toBe(true);
  expect(await provider.list({ name: "infernode" })).toHaveLength(1);
});

test("while Consul is down, updates ask it no more often than retries", async () => {
  const { server, provider } = await start({ retry: { minMs: 60_000, maxMs: 60_000 } });
  server.fail({ status: 500, text: "No cluster leader" });
  const registered = await provider.register(service);
  const { length } = server.requests;
  for (let load = 0; load < 50; load += 1) await registered.update({ metadata: { load: String(load) } });
  expect(server.requests).toHaveLength(length);
});

test("a server that answers with something else is unavailable", async () => {
  const { server, provider } = await start();
  server.fail({ status: 200, text: "a login page" });
  await expect(provider.list({ name: "infernode" })).rejects.toMatchObject({
    code: "REGISTRY_UNAVAILABLE",
    message: expect.stringContaining("expected a list of services"),
  });
});
