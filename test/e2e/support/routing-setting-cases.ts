import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { expect } from "vitest";
import { startDaemon, type TestDaemon } from "./start-daemon.ts";

/** A server that answers for the model `plain`, keeps requests for `held-…` open, and breaks off all others. */
interface PlainServer extends AsyncDisposable {
  readonly url: string;
  readonly listedCount: number;
  readonly brokenCount: number;
  /** Resolves when this many requests are held. */
  untilHeld(count: number): Promise<void>;
  release(): void;
}

const models = ["plain", "held-places", "held-prefixes", "broken-count", "broken-time"];

async function startPlain(): Promise<PlainServer> {
  let [listedCount, brokenCount] = [0, 0];
  const held = new Set<ServerResponse>();
  const waiting = new Set<() => void>();
  const server = createServer(async (request, response) => {
    response.setHeader("content-type", "application/json");
    // One that breaks off a connection that was kept is asked again.
    response.setHeader("connection", "close");
    if (request.method === "GET") {
      listedCount += 1;
      response.end(JSON.stringify({ object: "list", data: models.map((id) => ({ id, object: "model" })) }));
      return;
    }
    const { model } = (await json(request)) as { readonly model: string };
    if (model.startsWith("held-")) {
      held.add(response);
      for (const look of waiting) look();
    } else if (model === "plain") {
      response.end("{}");
    } else {
      brokenCount += 1;
      request.socket.destroy();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get listedCount() {
      return listedCount;
    },
    get brokenCount() {
      return brokenCount;
    },
    untilHeld: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (held.size < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    release() {
      for (const response of held) response.end("{}");
      held.clear();
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Routed extends AsyncDisposable {
  readonly gateway: TestDaemon;
  readonly servers: readonly [PlainServer, PlainServer];
}

const rules = [
  { name: "weighted", when: { headers: { "x-case": "weighted" } }, policy: "weighted" },
  { name: "second", priority: 1, when: { headers: { "x-case": "second" } }, backends: ["b1"] },
  { name: "prefixes", when: { model: "*-prefixes" }, policy: "prefix-aware" },
];

let routed: Promise<Routed> | undefined;

/** One gateway before two servers, for all cases. */
async function start(): Promise<Routed> {
  const servers = [await startPlain(), await startPlain()] as const;
  const values = {
    mode: "gateway",
    policy: "round-robin",
    "routing-rules": JSON.stringify(rules),
    "backend-weights": "b1=3",
    "prefix-load-factor": "100",
    "max-in-flight": "3",
    "max-queued": "1",
    "queue-timeout": "500",
    "circuit-failures": "2",
    "circuit-open": "100",
    "poll-interval": "100",
  };
  const args = Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
  const backends = servers.flatMap(({ url }, index) => ["--backend", `b${index}=${url}`]);
  const gateway = await startDaemon({ args: [...args, ...backends] });
  return {
    gateway,
    servers,
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      for (const server of servers) await server[Symbol.asyncDispose]();
    },
  };
}

const open = (): Promise<Routed> => (routed ??= start());

/** Ends what the cases share. */
export async function endRoutingCases(): Promise<void> {
  await (await routed)?.[Symbol.asyncDispose]();
}

async function ask(model: string, which = ""): Promise<{ status: number; backend: string | null }> {
  const { gateway } = await open();
  const response = await fetch(`${gateway.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-case": which },
    body: JSON.stringify({ model, prompt: "Once upon a time ".repeat(100) }),
  });
  await response.arrayBuffer();
  return { status: response.status, backend: response.headers.get("x-infernode-backend") };
}

/** The backends that answered so many requests, one after the other. */
async function backendsOf(count: number, which?: string): Promise<readonly (string | null)[]> {
  const backends: (string | null)[] = [];
  while (backends.length < count) backends.push((await ask("plain", which)).backend);
  return backends;
}

/** Fills all places on the second backend, then asks twice more. */
let filled: Promise<{ readonly held: number; readonly refused: readonly number[] }> | undefined;
const fill = async () => {
  const { servers } = await open();
  const holding = Array.from({ length: 3 }, () => ask("held-places", "second"));
  await servers[1].untilHeld(3);
  const refused = await Promise.all([ask("held-places", "second"), ask("held-places", "second")]);
  servers[1].release();
  const held = (await Promise.all(holding)).filter(({ status }) => status === 200).length;
  return { held, refused: refused.map(({ status }) => status).toSorted((one, other) => one - other) };
};

/** Cases of the settings that say how requests are routed. */
export const routingSettingCases: Readonly<Record<string, () => Promise<void>>> = {
  "gateway.pollIntervalMs": async () => {
    const { servers } = await open();
    const before = servers[0].listedCount;
    // With the default, the test's own time limit would end this.
    while (servers[0].listedCount < before + 5) await new Promise((resolve) => setTimeout(resolve, 20));
  },
  "gateway.policy": async () => {
    const backends = await backendsOf(4);
    expect(backends.filter((each) => each === "b1")).toHaveLength(2);
    expect(backends[0]).not.toBe(backends[1]);
  },
  "gateway.rules": async () => {
    expect(await backendsOf(3, "second")).toEqual(["b1", "b1", "b1"]);
  },
  "gateway.weights": async () => {
    expect((await backendsOf(8, "weighted")).filter((each) => each === "b1")).toHaveLength(6);
  },
  "gateway.prefixLoadFactor": async () => {
    const { servers } = await open();
    const asked = Array.from({ length: 3 }, () => ask("held-prefixes"));
    await Promise.any(servers.map((server) => server.untilHeld(3)));
    for (const server of servers) server.release();
    const backends = (await Promise.all(asked)).map(({ backend }) => backend);
    expect(new Set(backends).size).toBe(1);
  },
  "gateway.maxInFlight": async () => {
    expect((await (filled ??= fill())).held).toBe(3);
  },
  "gateway.maxQueued": async () => {
    expect((await (filled ??= fill())).refused).toContain(429);
  },
  "gateway.queueTimeoutMs": async () => {
    // It ends although no place gets free.
    expect((await (filled ??= fill())).refused).toContain(503);
  },
  "gateway.circuitFailures": async () => {
    const { gateway } = await open();
    const isOpen = () =>
      gateway.metric("infernode_gateway_circuit_open", 'backend="b1",model_name="broken-count"');
    expect(await ask("broken-count", "second")).toMatchObject({ status: 502 });
    expect(await isOpen()).toBe(0);
    expect(await ask("broken-count", "second")).toMatchObject({ status: 502 });
    expect(await isOpen()).toBe(1);
  },
  "gateway.circuitOpenMs": async () => {
    const { servers } = await open();
    const before = servers[1].brokenCount;
    // The third one waits until it is let through, which is before it would be refused.
    for (let count = 0; count < 3; count += 1) {
      expect(await ask("broken-time", "second")).toMatchObject({ status: 502 });
    }
    expect(servers[1].brokenCount - before).toBe(3);
  },
};
