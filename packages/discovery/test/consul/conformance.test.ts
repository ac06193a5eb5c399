import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createConsulDiscovery } from "../../src/consul/index.ts";
import { discoveryProviderCases } from "../../src/testing.ts";
import type { ConsulServer } from "../support/consul-server.ts";
import { consulServers } from "../support/consul-servers.ts";

describe.each(consulServers)("conforms over $name", ({ start }) => {
  let server: ConsulServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const cases = discoveryProviderCases({
    create: async () => createConsulDiscovery({ url: server.url, retry: { minMs: 20, maxMs: 200 } }),
  });
  test.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
