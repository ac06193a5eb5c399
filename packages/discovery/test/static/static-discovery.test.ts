import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  createStaticDiscovery,
  type ServiceInstance,
  type ServiceRegistration,
  type StaticDiscovery,
  type StaticDiscoveryOptions,
} from "../../src/index.ts";
import { discoveryProviderCases } from "../../src/testing.ts";
import { createFastClock, untilList } from "../support/watching.ts";

const service: ServiceRegistration = {
  id: "node-1",
  name: "infernode",
  address: "127.0.0.1",
  port: 8000,
  tags: ["gpu"],
  metadata: { model: "tiny" },
};

function create(options: Partial<StaticDiscoveryOptions>): StaticDiscovery {
  const discovery = createStaticDiscovery({ services: [service], intervalMs: 5, ...options });
  onTestFinished(() => discovery.dispose());
  return discovery;
}

const untilState = (discovery: StaticDiscovery, state: string): Promise<readonly ServiceInstance[]> =>
  untilList(discovery, "infernode", (list) => list.length === 1 && list[0]?.state === state);

describe("conforms", () => {
  const check = async (): Promise<never> => Promise.reject(new Error("it is down"));
  const cases = discoveryProviderCases({
    create: async () => createStaticDiscovery({ services: [service], check, intervalMs: 1 }),
  });
  test.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

test("a service is critical until its health is a success, and while it is not", async () => {
  let status = 503;
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/health" ? status : 404;
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const discovery = create({ services: [{ ...service, port }] });
  expect(await discovery.list()).toEqual([{ ...service, port, state: "critical" }]);
  expect(discovery.checks()).toEqual([
    { id: "node-1", isAnswering: undefined, reason: undefined, answerAgeMs: undefined },
  ]);

  status = 200;
  await untilState(discovery, "passing");
  expect(discovery.checks()).toMatchObject([{ isAnswering: true, answerAgeMs: expect.any(Number) }]);
  status = 500;
  await untilState(discovery, "critical");
  status = 200;
  await untilState(discovery, "passing");
  const closed = once(server, "close");
  server.close().closeAllConnections();
  await closed;
  await untilState(discovery, "critical");
  expect(discovery.checks()).toMatchObject([{ isAnswering: false, reason: expect.any(String) }]);
});

test("a service may have others in its place, which come, change and go at once", async () => {
  const other = (id: string, change: Partial<ServiceInstance> = {}): ServiceInstance => ({
    ...service,
    id,
    state: "passing",
    ...change,
  });
  let found: readonly ServiceInstance[] | undefined = [other("a"), other("b")];
  const check = async (): Promise<readonly ServiceInstance[]> => {
    if (found === undefined) throw new Error("it is down");
    return found;
  };
  const discovery = create({ check });
  const seen: string[] = [];
  const untilSeen = (wanted: string): Promise<unknown> =>
    untilList(discovery, "infernode", (list) => {
      const shown = list.map(({ id, state, metadata }) => `${id} ${state} ${metadata["model"]}`).join(", ");
      if (seen.at(-1) !== shown) seen.push(shown);
      return shown === wanted;
    });
  await untilSeen("a passing tiny, b passing tiny");
  found = [other("b", { metadata: { model: "large" } }), other("c", { state: "warning" })];
  await untilSeen("b passing large, c warning tiny");
  found = undefined;
  await untilSeen("b critical large, c critical tiny");
  found = [];
  await untilSeen("");
  expect(seen).toEqual([
    "node-1 critical tiny",
    "a passing tiny, b passing tiny",
    "b passing large, c warning tiny",
    "b critical large, c critical tiny",
    "",
  ]);
});

test.each<readonly [string, readonly ServiceInstance[], string]>([
  ["an invalid instance", [{ ...service, port: -1, state: "passing" }], "port: expected"],
  ["an unknown state", [{ ...service, state: "up" as "passing" }], "state: expected"],
  ["one id twice", Array.from({ length: 2 }, () => ({ ...service, state: "passing" as const })), "unique"],
  ["an id of another service", [{ ...service, id: "node-2", state: "passing" }], `"node-2", which is taken`],
  [
    "too many instances",
    Array.from({ length: 257 }, (_, at) => ({ ...service, id: `n-${at}`, state: "passing" as const })),
    "at most 256",
  ],
])("a check that finds %s finds nothing", async (_, found, reason) => {
  const services = [service, { ...service, id: "node-2", name: "other" }];
  const check = async ({ id }: ServiceRegistration): Promise<readonly ServiceInstance[]> => {
    if (id !== service.id) throw new Error("it is down");
    return found;
  };
  const discovery = create({ services, check });
  await expect.poll(() => discovery.checks()[0]?.reason, { interval: 5 }).toContain(reason);
  expect(await discovery.list({ name: "infernode" })).toEqual([{ ...service, state: "critical" }]);
});

test("a check that never answers is over after its time, and is told to end", async () => {
  const signals: AbortSignal[] = [];
  const discovery = create({
    check: async (_, signal) => {
      signals.push(signal);
      return new Promise(() => undefined);
    },
    clock: createFastClock(),
    timeoutMs: 300,
  });
  await expect
    .poll(() => discovery.checks()[0]?.reason, { interval: 5 })
    .toBe("expected an answer within 300 ms, got none");
  expect(signals[0]?.aborted).toBe(true);
});

test("looks no more after it is disposed of", async () => {
  let count = 0;
  let ended: AbortSignal | undefined;
  const discovery = create({
    check: async (_, signal) => {
      count += 1;
      ended = signal;
      return new Promise(() => undefined);
    },
    intervalMs: 1,
  });
  await discovery.dispose();
  expect(ended?.aborted).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(count).toBe(1);
});

test("refuses what cannot be", () => {
  const creating = (options: object) => () => createStaticDiscovery({ services: [], ...options });
  expect(creating({ interval: 5 })).toThrow("an option among services, check");
  expect(creating({ intervalMs: 0 })).toThrow("intervalMs: expected milliseconds from 1");
  expect(creating({ services: [service, service] })).toThrow('got "node-1" twice');
  expect(creating({ services: [{ ...service, port: -1 }] })).toThrow("port: expected an integer");
});
