import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { expect } from "vitest";
import { startDaemon, type LogLine, type TestDaemon } from "./start-daemon.ts";

/** A server that lists one model, and answers all else with 429. */
interface BusyServer extends AsyncDisposable {
  readonly url: string;
  readonly askedCount: number;
}

async function startBusy(): Promise<BusyServer> {
  let askedCount = 0;
  const server = createServer((request, response) => {
    const isList = request.method === "GET";
    if (!isList) askedCount += 1;
    response.writeHead(isList ? 200 : 429, { "content-type": "application/json" });
    response.end(isList ? '{"object":"list","data":[{"id":"m","object":"model"}]}' : '{"error":{}}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get askedCount() {
      return askedCount;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server like that in a process that can be stopped: then it accepts no connection beyond two. */
const stoppable = `const server = require("http").createServer((request, response) => {
  response.writeHead(200, { "content-type": "application/json", connection: "close" });
  response.end('{"object":"list","data":[{"id":"stopped","object":"model"}]}');
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(server.address().port));`;

async function startGateway(urls: readonly string[], args: readonly string[] = []): Promise<TestDaemon> {
  const backends = urls.flatMap((url, index) => ["--backend", `b${index}=${url}`]);
  return startDaemon({ args: ["--mode", "gateway", ...backends, ...args] });
}

async function ask({ url }: TestDaemon, model = "m"): Promise<number> {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model }),
  });
  await response.arrayBuffer();
  return response.status;
}

/** A gateway before three servers that are busy, with settings of its attempts. */
async function startRetrying() {
  const servers = [await startBusy(), await startBusy(), await startBusy()];
  const retries = ["--max-attempts", "2", "--retry-burst", "3", "--retry-share", "0.5"];
  const gateway = await startGateway(
    servers.map(({ url }) => url),
    retries,
  );
  const countAsked = (): number => servers.reduce((sum, { askedCount }) => sum + askedCount, 0);
  const attemptCounts: number[] = [];
  while (attemptCounts.length < 10) {
    const before = countAsked();
    expect(await ask(gateway)).toBe(429);
    attemptCounts.push(countAsked() - before);
  }
  return {
    gateway,
    attemptCounts,
    end: async () => {
      await gateway[Symbol.asyncDispose]();
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    },
  };
}

let retrying: ReturnType<typeof startRetrying> | undefined;

/** Ends what the cases share. */
export async function endGatewayCases(): Promise<void> {
  await (await retrying)?.end();
}

/** Why requests fail for a server that accepts no connection, and for one that never answers. */
let failures: Promise<ReadonlyMap<string, string>> | undefined;
const fail = async () => {
  const child = spawn(process.execPath, ["-e", stoppable], { stdio: ["ignore", "pipe", "ignore"] });
  const [output] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(output.toString());
  const server = createServer((request, response) => {
    if (request.method === "GET") response.end('{"object":"list","data":[{"id":"silent","object":"model"}]}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await using gateway = await startGateway(
    [port, (server.address() as AddressInfo).port].map((each) => `http://127.0.0.1:${each}`),
    ["--connect-timeout", "160", "--silence-timeout", "150"],
  );
  child.kill("SIGSTOP");
  const waiting = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => undefined));
  await Promise.all(waiting.slice(0, 1).map((socket) => once(socket, "connect")));
  const reasons = new Map<string, string>();
  for (const model of ["stopped", "silent"]) {
    const seen = gateway.logs.length;
    expect(await ask(gateway, model)).toBe(502);
    const isNew = (line: LogLine): boolean => gateway.logs.indexOf(line) >= seen;
    const failed = await gateway.waitForLog(
      (line) => isNew(line) && line.msg.includes("failed before it answered"),
    );
    reasons.set(model, JSON.stringify(failed["err"]));
  }
  for (const socket of waiting) socket.destroy();
  child.kill("SIGKILL");
  server.closeAllConnections();
  server.close();
  return reasons;
};

/** Cases of the gateway's settings. */
export const gatewaySettingCases: Readonly<Record<string, () => Promise<void>>> = {
  "gateway.backends": async () => {
    const { gateway } = await (retrying ??= startRetrying());
    const models = await (await fetch(`${gateway.url}/v1/models`)).json();
    expect(models).toMatchObject({ data: [{ id: "m", backends: ["b0", "b1", "b2"] }] });
  },
  "gateway.maxAttempts": async () => {
    const { attemptCounts } = await (retrying ??= startRetrying());
    expect(Math.max(...attemptCounts)).toBe(2);
  },
  "gateway.retryShare": async () => {
    const { attemptCounts } = await (retrying ??= startRetrying());
    // When the burst is used up, one for each two requests.
    expect(attemptCounts.slice(-6)).toEqual([2, 1, 2, 1, 2, 1]);
  },
  "gateway.retryBurst": async () => {
    const { attemptCounts } = await (retrying ??= startRetrying());
    // Three, and two that came while those were used up.
    expect(attemptCounts.indexOf(1)).toBe(5);
  },
  "gateway.connectTimeoutMs": async () => {
    expect((await (failures ??= fail())).get("stopped")).toContain("accept a connection within 160 ms");
  },
  "gateway.silenceTimeoutMs": async () => {
    expect((await (failures ??= fail())).get("silent")).toContain("send something within 150 ms");
  },
};
