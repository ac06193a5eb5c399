import {
  createEmbeddedDiscovery,
  type ServiceInstance,
  type ServiceRegistration,
} from "@infernode/discovery";
import { expect, onTestFinished, test } from "vitest";
import { combineTables } from "../../../src/gateway/backends/combine-tables.ts";
import { createRegistryBackends } from "../../../src/gateway/backends/registry-backends.ts";
import { createStaticBackends } from "../../../src/gateway/backends/static-backends.ts";
import { writeServiceMetadata, type ServiceDescription } from "../../../src/registry/service-metadata.ts";
import { writePrefixDigest } from "../../../src/text/prefix-digest.ts";
import { untilListed } from "./support.ts";

const description: ServiceDescription = {
  version: "1.2.3",
  protocol: "http",
  model: "tiny",
  aliases: ["small"],
  state: "ready",
  running: 2,
  queued: 1,
  kvFree: 0.5,
  contextTokens: 512,
  operations: [],
  features: [],
  executor: undefined,
  quantization: undefined,
  prefixes: undefined,
};

function registration(id: string, parts: Partial<ServiceDescription> = {}, port = 8000): ServiceRegistration {
  const metadata = writeServiceMetadata({ ...description, ...parts });
  return { id, name: "infernode", address: "10.0.0.5", port, tags: [], metadata };
}

function create() {
  const discovery = createEmbeddedDiscovery();
  const ignored: ServiceInstance[] = [];
  const table = createRegistryBackends({
    discovery,
    serviceName: "infernode",
    onIgnored: (instance) => ignored.push(instance),
  });
  onTestFinished(async () => {
    table.dispose();
    await discovery.dispose();
  });
  return { discovery, table, ignored };
}

test("services of one address are the models of one backend", async () => {
  const { discovery, table } = create();
  await discovery.register(registration("a"));
  await discovery.register(
    registration("b", { model: "large", state: "restarting", running: undefined, queued: undefined }),
  );
  await discovery.register(registration("c", { protocol: "https" }, 8001));
  const list = await untilListed(table, ({ length }) => length === 2);
  expect(list.map(({ backend }) => [backend.id, backend.url.href, backend.source])).toEqual([
    ["10.0.0.5:8000", "http://10.0.0.5:8000/", "registry"],
    ["10.0.0.5:8001", "https://10.0.0.5:8001/", "registry"],
  ]);
  expect(list[0]?.models).toEqual([
    {
      id: "tiny",
      aliases: ["small"],
      isReady: true,
      contextTokens: 512,
      load: { requests: 3, freeKvShare: 0.5 },
    },
    { id: "large", aliases: ["small"], isReady: false, contextTokens: 512, load: undefined },
  ]);
});

test("a digest of cached prefixes is read; one that is none counts as absent", async () => {
  const { discovery, table } = create();
  await discovery.register(registration("a", { prefixes: writePrefixDigest([7]) }));
  await discovery.register(registration("b", { model: "large", prefixes: "AAAA" }));
  const list = await untilListed(table, ([one]) => one?.models.length === 2);
  const digests = list[0]?.models.map(({ prefixes }) => prefixes);
  expect(digests?.map((digest) => digest?.has(7))).toEqual([true, undefined]);
});

test("a model whose service is critical gets no requests; one that is deregistered is gone", async () => {
  const { discovery, table } = create();
  const service = await discovery.register(registration("a"));
  await discovery.register(registration("b", { model: "large" }));
  await service.update({ state: "critical" });
  const hung = await untilListed(table, (list) => list[0]?.models.length === 2);
  expect(hung).toMatchObject([{ isHealthy: true, models: [{ isReady: false }, { isReady: true }] }]);
  await service.deregister();
  const left = await untilListed(table, (list) => list[0]?.models.length === 1);
  expect(left[0]?.models[0]?.id).toBe("large");
});

test.each([
  ["before", "critical", "passing"],
  ["after", "passing", "critical"],
] as const)(
  "a registration that was left %s the one in use does not count",
  async (_place, first, second) => {
    const { discovery, table } = create();
    await discovery.register(registration("a"), { state: first });
    await discovery.register(registration("b"), { state: second });
    await discovery.register(registration("c", { model: "large" }));
    const list = await untilListed(table, (all) => all[0]?.models.length === 2);
    expect(list[0]?.models[0]).toMatchObject({ id: "tiny", isReady: true });
  },
);

test("a backend all of whose services are critical is not healthy", async () => {
  const { discovery, table } = create();
  await discovery.register(registration("a"), { state: "critical" });
  expect(await untilListed(table, ({ length }) => length === 1)).toMatchObject([{ isHealthy: false }]);
});

test("a service of something else is ignored, and that is said once", async () => {
  const { discovery, table, ignored } = create();
  await discovery.register({ ...registration("other"), metadata: { kind: "database" } });
  await discovery.register(registration("a"));
  await untilListed(table, ({ length }) => length === 1);
  await discovery.register(registration("b", { model: "large" }));
  await untilListed(table, (list) => list[0]?.models.length === 2);
  expect(ignored.map(({ id }) => id)).toEqual(["other"]);
});

test("combined tables use a backend once, and give weights by pattern", async () => {
  const { discovery, table } = create();
  await discovery.register(registration("a"));
  await discovery.register(registration("b", {}, 8001));
  const url = "http://10.0.0.5:8000";
  const servers = createStaticBackends([{ id: "spare", url, apiKey: undefined, models: undefined }], {
    intervalMs: 60_000,
    fetch: async () => Response.json({ data: [] }),
  });
  const combined = combineTables([servers, table], () => ({ "10.0.*": 3 }));
  onTestFinished(() => combined.dispose());
  const list = await untilListed(combined, ({ length }) => length === 2);
  expect(list.map(({ backend, weight }) => [backend.id, weight])).toEqual([
    ["spare", undefined],
    ["10.0.0.5:8001", 3],
  ]);
});
