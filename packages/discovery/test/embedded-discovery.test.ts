import { describe, expect, test } from "vitest";
import { createEmbeddedDiscovery, type DiscoveryEvent, type ServiceRegistration } from "../src/index.ts";
import { discoveryProviderCases } from "../src/testing.ts";

const service: ServiceRegistration = {
  id: "node-1",
  name: "infernode",
  address: "127.0.0.1",
  port: 8000,
  tags: ["cpu"],
  metadata: { model: "tiny" },
};

describe("conforms", () => {
  const cases = discoveryProviderCases({ create: async () => createEmbeddedDiscovery() });
  test.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

test("emits one event for each change, after the change", async () => {
  const events: DiscoveryEvent[] = [];
  const provider = createEmbeddedDiscovery({ events: { emit: (...event) => void events.push(event) } });
  const registered = await provider.register(service);
  await registered.update({ state: "warning", metadata: { load: "3" } });
  await registered.update({ state: "warning", metadata: { load: "3" } });
  await registered.deregister();
  await registered.deregister();

  const updated = { ...service, state: "warning", metadata: { model: "tiny", load: "3" } };
  expect(events).toEqual([
    ["discovery:service-registered", { service: { ...service, state: "passing" } }],
    ["discovery:service-updated", { service: updated, previousState: "passing" }],
    ["discovery:service-deregistered", { service: updated }],
  ]);
});

test("an event handler already lists the change", async () => {
  const counts: Promise<number>[] = [];
  const provider = createEmbeddedDiscovery({
    events: { emit: () => void counts.push(provider.list().then(({ length }) => length)) },
  });
  const registered = await provider.register(service);
  await registered.deregister();
  expect(await Promise.all(counts)).toEqual([1, 0]);
});

test("emits the deregistration of the remaining services on dispose", async () => {
  const events: string[] = [];
  const provider = createEmbeddedDiscovery({
    events: {
      emit: (name, payload) => {
        if ("service" in payload) events.push(`${name} ${payload.service.id}`);
      },
    },
  });
  await provider.register(service);
  await provider.register({ ...service, id: "node-2" });
  await provider[Symbol.asyncDispose]();
  expect(events.slice(2)).toEqual([
    "discovery:service-deregistered node-1",
    "discovery:service-deregistered node-2",
  ]);
});

test("yields one list for many changes to a slow watcher", async () => {
  const provider = createEmbeddedDiscovery();
  const watching = provider.watch("infernode")[Symbol.asyncIterator]();
  await watching.next();
  const registered = await provider.register(service);
  for (let load = 1; load <= 100; load += 1) await registered.update({ metadata: { load: String(load) } });

  const { value } = await watching.next();
  expect(value).toMatchObject([{ id: "node-1", metadata: { load: "100" } }]);
  const next = watching.next();
  await registered.deregister();
  expect((await next).value).toEqual([]);
});

test("watchers of one name are not woken by another", async () => {
  const provider = createEmbeddedDiscovery();
  const watching = provider.watch("infernode")[Symbol.asyncIterator]();
  await watching.next();
  const woken = watching.next();
  await provider.register({ ...service, id: "other", name: "gateway" });
  await provider.register(service);
  expect((await woken).value).toMatchObject([{ id: "node-1" }]);
});

test("one watch can be iterated twice, each from the current list", async () => {
  const provider = createEmbeddedDiscovery();
  await provider.register(service);
  const watch = provider.watch("infernode");
  for (let round = 0; round < 2; round += 1) {
    for await (const list of watch) {
      expect(list).toHaveLength(1);
      break;
    }
  }
});

test("refuses an unknown option", () => {
  const options = { event: { emit: () => undefined } };
  expect(() => createEmbeddedDiscovery(options as object)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining('"event"') }),
  );
});
