import { createConsulDiscovery } from "@infernode/discovery/consul";
import { expect, onTestFinished, test } from "vitest";
import {
  startConsulStandIn,
  type ConsulStandIn,
} from "../../../../discovery/test/support/consul-stand-in.ts";
import {
  describeRegistry,
  probeRegistry,
  type RegistryProbe,
} from "../../../src/commands/doctor/doctor-registry.ts";
import { resolveConfig, type PartialConfig } from "../../../src/config/resolve/resolve-config.ts";

async function startConsul(): Promise<ConsulStandIn> {
  const server = await startConsulStandIn({ hasAccessControl: true });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

async function probe(overrides: PartialConfig, token?: string): Promise<RegistryProbe | undefined> {
  const { config } = await resolveConfig({ file: false, overrides });
  return probeRegistry(config, token);
}

const over = (url: string): PartialConfig => ({ discovery: { provider: "consul" }, consul: { url } });

test("says nothing of a registry that is the daemon itself", async () => {
  expect(await probe({})).toBeUndefined();
});

test("lists what is registered under the name of the service", async () => {
  const { url, token } = await startConsul();
  const discovery = createConsulDiscovery({ url, ...(token !== undefined && { token }) });
  onTestFinished(() => discovery.dispose());
  const metadata = { version: "0.1.0", protocol: "http", model: "org%2Flarge" };
  const place = { name: "infernode", address: "10.0.0.5", port: 8000, tags: [] };
  await discovery.register({ ...place, id: "infernode-a-8000-0", metadata });
  await discovery.register({ ...place, id: "other", metadata: {} }, { state: "critical" });

  const found = await probe(over(url), token);
  expect(found).toMatchObject({
    provider: "consul",
    registry: { url, state: "reachable" },
    instances: [{ id: "infernode-a-8000-0" }, { id: "other" }],
    address: "127.0.0.1",
    reasons: [],
  });
  expect(describeRegistry(found as RegistryProbe).split("\n")).toEqual([
    `consul at ${url}, 2 registered as infernode`,
    "passing: infernode-a-8000-0, org/large, at 10.0.0.5:8000",
    "critical: other, no model known, at 10.0.0.5:8000",
    expect.stringMatching(/^warning: registering 127\.0\.0\.1/),
  ]);
});

test("a registry that refuses or does not answer is no reason not to start", async () => {
  const server = await startConsul();
  const refused = await probe(over(server.url), "unknown");
  expect(refused).toMatchObject({ registry: { state: "refused" }, reasons: [] });
  expect(describeRegistry(refused as RegistryProbe)).toContain("refused: ");
  await server.stop();
  const unreachable = await probe(over(server.url), server.token);
  expect(unreachable).toMatchObject({ registry: { state: "unreachable" }, reasons: [] });
  expect(describeRegistry(unreachable as RegistryProbe)).toContain("infernode serve would start");
});

test("settings with which serve does not start are a reason", async () => {
  const overrides = { discovery: { provider: "consul" as const }, consul: { tokenFile: "/nowhere/token" } };
  const found = await probe(overrides);
  expect(found?.reasons).toEqual([expect.stringContaining("consul.tokenFile: expected a file")]);
  expect(describeRegistry(found as RegistryProbe)).toContain("cannot be used: consul.tokenFile");
});
