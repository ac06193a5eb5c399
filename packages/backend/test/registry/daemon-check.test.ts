import type { ServiceInstance, ServiceRegistration } from "@infernode/discovery";
import { expect, test } from "vitest";
import { createDaemonCheck } from "../../src/registry/daemon-check.ts";

const daemon: ServiceRegistration = {
  id: "infernode-fd00::5-8443",
  name: "infernode",
  address: "fd00::5",
  port: 8443,
  tags: [],
  metadata: { protocol: "https" },
};

function check(health: unknown, status = 200): Promise<readonly ServiceInstance[]> {
  const asked = createDaemonCheck(async (url) => {
    expect(url).toBe("https://[fd00::5]:8443/health");
    return Response.json(health, { status });
  });
  return asked(daemon, new AbortController().signal);
}

test("finds the models of a daemon, at the address at which it was asked", async () => {
  const own = { id: "x-0", name: "own", address: "127.0.0.1", port: 8000, tags: ["openai"] };
  const services = [
    { ...own, state: "passing", metadata: { model: "a", protocol: "http" } },
    { ...own, state: "critical", metadata: { model: "b", protocol: "http" } },
  ];
  expect(await check({ services })).toEqual([
    {
      ...daemon,
      id: "infernode-fd00::5-8443-0",
      tags: ["openai"],
      state: "passing",
      metadata: { model: "a", protocol: "https" },
    },
    {
      ...daemon,
      id: "infernode-fd00::5-8443-1",
      tags: ["openai"],
      state: "critical",
      metadata: { model: "b", protocol: "https" },
    },
  ]);
});

test("a server that is not ready, or no daemon, is a failure", async () => {
  await expect(check({ services: [] }, 503)).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
  await expect(check({ status: "ok" })).rejects.toThrow("expected the services of a daemon");
  await expect(check({ services: ["a"] })).rejects.toThrow("services[0]: expected an object");
});
