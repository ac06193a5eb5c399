import { describe, expect, it } from "vitest";
import type { DiscoveryPort, EngineService, HealthPort } from "../src/index.ts";
import { createEngineFixture, createGate } from "./support/engine-fixture.ts";

const registeredService: EngineService = {
  id: "engine-1",
  name: "infernode",
  address: "127.0.0.1",
  port: 8080,
  tags: [],
  metadata: {},
};

type Check = Parameters<HealthPort["addCheck"]>[0];

function createHealth(): HealthPort & { readonly checks: Set<Check> } {
  const checks = new Set<Check>();
  return {
    checks,
    addCheck: (check) => {
      checks.add(check);
      return () => checks.delete(check);
    },
  };
}

describe("the health check", () => {
  it("fails while there is work and no step, and is well again after one", async () => {
    let now = 1000;
    const health = createHealth();
    const gate = createGate();
    const { engine } = createEngineFixture(
      { onForward: () => gate.opened },
      { health, clock: { now: () => now }, limits: { stallAfterMs: 500 } },
    );
    const [check] = health.checks;
    now = 9000;
    expect(check?.check()).toEqual({ status: "healthy", reasons: [] });
    const result = engine.generate({ promptTokenIds: [1], stopping: { maxTokens: 1 } }).result();
    now = 9500;
    expect(check?.check().status).toBe("healthy");
    now = 9501;
    expect(check?.check()).toEqual({
      status: "unhealthy",
      reasons: ["expected a step within 500 ms while there is work, got none for 501 ms"],
    });
    gate.open();
    await result;
    expect(check?.check().status).toBe("healthy");
    await engine.dispose();
    expect(health.checks.size).toBe(0);
  });

  it("is degraded after a step that failed", async () => {
    const health = createHealth();
    let isBroken = true;
    const { engine } = createEngineFixture(
      {
        onForward: () => {
          if (isBroken) throw new Error("device lost");
        },
      },
      { health },
    );
    const [check] = health.checks;
    const request = { promptTokenIds: [1], stopping: { maxTokens: 1 } };
    await expect(engine.generate(request).result()).rejects.toThrow("device lost");
    expect(check?.check()).toEqual({
      status: "degraded",
      reasons: [expect.stringContaining("the last step failed")],
    });
    isBroken = false;
    await engine.generate(request).result();
    expect(check?.check().status).toBe("healthy");
  });
});

describe("discovery", () => {
  it("registers the engine and takes it back", async () => {
    const registered = new Set<string>();
    const discovery: DiscoveryPort = {
      register: async (service) => {
        registered.add(service.id);
        return { deregister: async () => void registered.delete(service.id) };
      },
    };
    const { engine } = createEngineFixture({}, { discovery, service: registeredService });
    expect(registered).toEqual(new Set(["engine-1"]));
    await engine.dispose();
    expect(registered.size).toBe(0);
  });

  it("publishes a failed registration, and serves", async () => {
    const health = createHealth();
    const discovery: DiscoveryPort = { register: () => Promise.reject(new Error("no agent")) };
    const { engine, events } = createEngineFixture({}, { discovery, service: registeredService, health });
    await engine.generate({ promptTokenIds: [1], stopping: { maxTokens: 1 } }).result();
    expect(events).toContainEqual([
      "inference:registration-failed",
      { model: "fake", engine: "0", serviceId: "engine-1", reason: "no agent" },
    ]);
    const [check] = health.checks;
    expect(check?.check()).toEqual({
      status: "degraded",
      reasons: ["the engine is not registered: no agent"],
    });
    await engine.dispose();
  });
});

describe("ports", () => {
  it("are the ones that were passed in", () => {
    const health = createHealth();
    const clock = { now: () => 7 };
    const { engine, memory } = createEngineFixture({}, { health, clock });
    expect(engine.ports.memory).toBe(memory);
    expect(engine.ports.health).toBe(health);
    expect(engine.ports.discovery).toBeUndefined();
    expect(engine.ports.clock).toBe(clock);
  });
});
