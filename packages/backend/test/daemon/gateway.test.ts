import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { createConsulDiscovery } from "@infernode/discovery/consul";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { consulServers } from "../../../discovery/test/support/consul-servers.ts";
import { resolveConfig, type PartialConfig } from "../../src/config/resolve/resolve-config.ts";
import { createGateway } from "../../src/daemon/gateway.ts";
import type { Environment } from "../../src/daemon/gateway-backends.ts";
import { writeServiceMetadata } from "../../src/registry/service-metadata.ts";
import { encryptSecret } from "../../src/secrets/encrypted-secret.ts";
import { createSecretKey, readSecretKey } from "../../src/secrets/secret-key.ts";

/** A server with one model that says nothing but its name. */
async function startServer(model: string) {
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ object: "list", data: [{ id: model, object: "model" }] }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, asked };
}

async function createTestGateway(overrides: PartialConfig, environment: Environment) {
  const { config } = await resolveConfig({
    file: false,
    overrides: { ...overrides, server: { port: 0, mode: "gateway" } },
  });
  const logger = pino({ level: "silent" });
  const gateway = createGateway(config, { logger, droppedLineCount: () => 0, environment });
  onTestFinished(() => gateway[Symbol.asyncDispose]());
  return { gateway, config };
}

async function post(url: string, model: string): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer of-the-client" },
    body: JSON.stringify({ model, prompt: "Once" }),
  });
}

test("a backend gets its own key, from a variable or encrypted, and not the client's; without one it gets that", async () => {
  const [named, encrypted, open] = [await startServer("a"), await startServer("b"), await startServer("c")];
  const environment = { KEY_OF_A: "key-a", INFERNODE_SECRET_KEY: createSecretKey() };
  const backends = {
    a: { url: named.url, apiKey: "env:KEY_OF_A" },
    b: { url: encrypted.url, apiKey: encryptSecret("key-b", await readSecretKey(environment)) },
    c: { url: open.url },
  };
  const { gateway } = await createTestGateway({ gateway: { backends } }, environment);
  const { url } = await gateway.start();
  await gateway.ready();
  for (const model of ["a", "b", "c"]) expect((await post(url, model)).status).toBe(200);
  const keysOf = ({ asked }: typeof named) => new Set(asked.map(({ authorization }) => authorization));
  expect(keysOf(named)).toEqual(new Set(["Bearer key-a"]));
  expect(keysOf(encrypted)).toEqual(new Set(["Bearer key-b"]));
  expect(keysOf(open)).toEqual(new Set([undefined, "Bearer of-the-client"]));
});

test("a key in plain text is refused without being shown, and so is one that is not there", async () => {
  const url = "http://127.0.0.1:1";
  const plain = { gateway: { backends: { a: { url, apiKey: "sk-plain" } } } };
  const refused: unknown = await createTestGateway(plain, {}).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "INVALID_CONFIG" });
  expect(String(refused)).toContain("a.apiKey: expected env:NAME for a variable, or enc:v1:");
  expect(String(refused)).not.toContain("sk-plain");
  const absent = { gateway: { backends: { a: { url, apiKey: "env:NO_SUCH_KEY" } } } };
  const { gateway } = await createTestGateway(absent, {});
  const message = "gateway.backends.a.apiKey: expected a value in the variable NO_SUCH_KEY";
  await expect(gateway.start()).rejects.toThrow(message);
});

test("a model that a backend lists but that is not named gets no requests", async () => {
  const server = await startServer("a");
  const backends = { x: { url: server.url, models: ["other"] } };
  const { gateway } = await createTestGateway({ gateway: { backends } }, {});
  const { url } = await gateway.start();
  await gateway.ready();
  expect((await post(url, "a")).status).toBe(404);
});

test("a reload that is not valid changes nothing; a valid one takes other backends and other rules", async () => {
  const [first, second] = [await startServer("a"), await startServer("b")];
  const { gateway, config } = await createTestGateway(
    { gateway: { backends: { x: { url: first.url } } } },
    {},
  );
  const { url } = await gateway.start();
  await gateway.ready();
  await expect(gateway.reload({ ...config.gateway, backends: {} })).rejects.toThrow("gateway.backends");
  expect((await post(url, "a")).status).toBe(200);
  await gateway.reload({
    ...config.gateway,
    backends: { y: { url: second.url } },
    rules: [{ name: "renamed", priority: 0, when: { model: ["a"] }, model: "b" }],
  });
  const response = await post(url, "a");
  expect([response.status, response.headers.get("x-infernode-backend")]).toEqual([200, "y"]);
});

describe.each(consulServers)("a gateway over $name", ({ start }) => {
  test("uses what is registered, beside what it is told, while it is", async () => {
    const consul = await start({ hasAccessControl: true });
    onTestFinished(() => consul[Symbol.asyncDispose]());
    const [told, registered] = [await startServer("a"), await startServer("b")];
    const overrides = {
      gateway: { backends: { x: { url: told.url } } },
      discovery: { provider: "consul", serviceName: "models" },
      consul: { url: consul.url },
    } as const;
    const { gateway } = await createTestGateway(overrides, { CONSUL_HTTP_TOKEN: consul.token });
    const writer = createConsulDiscovery({
      url: consul.url,
      ...(consul.token !== undefined && { token: consul.token }),
    });
    onTestFinished(() => writer.dispose());
    const metadata = writeServiceMetadata({
      version: "1.0.0",
      protocol: "http",
      model: "b",
      aliases: [],
      state: "ready",
      running: 0,
      queued: 0,
      kvFree: undefined,
      contextTokens: 512,
      operations: [],
      features: [],
      executor: undefined,
      quantization: undefined,
      prefixes: undefined,
    });
    const service = {
      id: "models-1",
      name: "models",
      address: "127.0.0.1",
      port: registered.port,
      tags: [],
      metadata,
    };
    const { url } = await gateway.start();
    await gateway.ready();
    expect((await post(url, "b")).status).toBe(404);
    const registration = await writer.register(service);
    await expect
      .poll(async () => (await post(url, "b")).headers.get("x-infernode-backend"))
      .toBe(`127.0.0.1:${registered.port}`);
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain(
      'infernode_registry_state{state="reachable"} 1',
    );
    const report = await (await fetch(`${url}/v1/system/backends`)).json();
    expect(report).toEqual({
      backends: [
        {
          id: "x",
          url: `${told.url}/`,
          source: "static",
          isHealthy: true,
          weight: 1,
          models: [{ id: "a", aliases: [], isReady: true, load: null, inFlight: 0, circuit: "closed" }],
        },
        {
          id: `127.0.0.1:${registered.port}`,
          url: `${registered.url}/`,
          source: "registry",
          isHealthy: true,
          weight: 1,
          models: [
            {
              id: "b",
              aliases: [],
              isReady: true,
              contextTokens: 512,
              load: { requests: 0 },
              inFlight: 0,
              circuit: "closed",
            },
          ],
        },
      ],
      queuedRequestCount: 0,
      registry: {
        url: consul.url,
        state: "reachable",
        contactAgeMs: expect.any(Number),
        listAgeMs: expect.any(Number),
      },
    });
    await registration.deregister();
    await expect.poll(async () => (await post(url, "b")).status).toBe(404);
  });
});
