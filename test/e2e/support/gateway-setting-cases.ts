import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { expect } from "vitest";
import { startDaemon, type TestDaemon } from "./start-daemon.ts";

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
  response.end('{"object":"list","data":[{"id":"m","object":"model"}]}');
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(server.address().port));`;

async function startGateway(urls: readonly string[], args: readonly string[] = []): Promise<TestDaemon> {
  const backends = urls.flatMap((url, index) => ["--backend", `b${index}=${url}`]);
  return startDaemon({ args: ["--mode", "gateway", ...backends, ...args] });
}

async function ask({ url }: TestDaemon): Promise<number> {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"model":"m"}',
  });
  await response.arrayBuffer();
  return response.status;
}

/** How many attempts were made for ten requests, with three backends that are busy. */
async function countAttempts(...args: readonly string[]): Promise<number> {
  await using first = await startBusy();
  await using second = await startBusy();
  await using third = await startBusy();
  const servers = [first, second, third];
  await using gateway = await startGateway(
    servers.map(({ url }) => url),
    args,
  );
  for (let count = 0; count < 10; count += 1) expect(await ask(gateway)).toBe(429);
  return servers.reduce((sum, { askedCount }) => sum + askedCount, 0);
}

/** Cases of the gateway's settings. */
export const gatewaySettingCases: Readonly<Record<string, () => Promise<void>>> = {
  "gateway.backends": async () => {
    await using server = await startBusy();
    await using gateway = await startGateway([server.url]);
    const models = await (await fetch(`${gateway.url}/v1/models`)).json();
    expect(models).toMatchObject({ data: [{ id: "m", backends: ["b0"] }] });
  },
  "gateway.maxAttempts": async () => {
    expect(await countAttempts("--max-attempts", "2")).toBe(20);
  },
  "gateway.retryShare": async () => {
    // One at once, and one for each two requests after that.
    expect(await countAttempts("--retry-burst", "1", "--retry-share", "0.5")).toBe(10 + 1 + 4);
  },
  "gateway.retryBurst": async () => {
    expect(await countAttempts("--retry-burst", "0")).toBe(10);
  },
  "gateway.connectTimeoutMs": async () => {
    const child = spawn(process.execPath, ["-e", stoppable], { stdio: ["ignore", "pipe", "ignore"] });
    const [output] = (await once(child.stdout, "data")) as [Buffer];
    const port = Number(output.toString());
    await using gateway = await startGateway([`http://127.0.0.1:${port}`], ["--connect-timeout", "150"]);
    child.kill("SIGSTOP");
    const waiting = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => undefined));
    await Promise.all(waiting.slice(0, 1).map((socket) => once(socket, "connect")));
    expect(await ask(gateway)).toBe(502);
    const { err } = await gateway.waitForLog(({ msg }) => msg.includes("failed before it answered"));
    expect(JSON.stringify(err)).toContain("accept a connection within 150 ms");
    for (const socket of waiting) socket.destroy();
    child.kill("SIGKILL");
  },
  "gateway.silenceTimeoutMs": async () => {
    const server = createServer((request, response) => {
      if (request.method === "GET") response.end('{"object":"list","data":[{"id":"m","object":"model"}]}');
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using gateway = await startGateway([`http://127.0.0.1:${port}`], ["--silence-timeout", "150"]);
    expect(await ask(gateway)).toBe(502);
    const { err } = await gateway.waitForLog(({ msg }) => msg.includes("failed before it answered"));
    expect(JSON.stringify(err)).toContain("send something within 150 ms");
    server.closeAllConnections();
    server.close();
  },
};
