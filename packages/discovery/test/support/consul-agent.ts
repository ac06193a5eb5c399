import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import type { ConsulServer, ConsulServerOptions } from "./consul-server.ts";

const managementToken = "5d2a2d52-8a3b-4f0e-9a2e-0d9d1c6f3b11";
const writerToken = "7b0f5f0a-3c1d-4e57-9d8a-6a3f0c2b9e44";
/** Consul's own, of requests without a token. */
const anonymousId = "00000000-0000-0000-0000-000000000002";

/** The path of a real Consul: that of `INFERNODE_CONSUL`, or one on the path. */
export function findConsul(): string | undefined {
  const candidates = [
    process.env["INFERNODE_CONSUL"] ?? "",
    ...(process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "consul")),
  ];
  return candidates.find((path) => path !== "" && isExecutable(path));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts a real agent that is its own server and keeps everything in memory. */
export async function startConsulAgent(
  path: string,
  { hasAccessControl = false, mayAnyoneRead = false }: ConsulServerOptions = {},
): Promise<ConsulServer> {
  const [http, server, serf] = (await freePorts(3)) as [number, number, number];
  const url = `http://127.0.0.1:${http}`;
  const token = hasAccessControl ? managementToken : undefined;
  const acl = hasAccessControl
    ? ` acl{enabled=true default_policy="deny" tokens{initial_management="${managementToken}"}}`
    : "";
  const config = `connect{enabled=false} disable_update_check=true${acl}`;
  const used = `-http-port ${http} -server-port ${server} -serf-lan-port ${serf}`;
  const unused = "-grpc-port -1 -grpc-tls-port -1 -dns-port -1 -serf-wan-port -1";
  const command = `agent -dev -bind 127.0.0.1 -client 127.0.0.1 -log-level error ${used} ${unused}`;
  const args = [...command.split(" "), "-hcl", config];
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    child = spawn(path, args, { stdio: "ignore" });
    await untilLeader(url, child);
    if (hasAccessControl) await addTokens(url, { mayAnyoneRead });
  }
  async function stop(): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = once(ending, "exit");
    ending.kill("SIGKILL");
    await ended;
  }
  await start();
  return {
    url,
    token,
    writerToken: hasAccessControl ? writerToken : undefined,
    start,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Asks until the agent can write: it has no event for that. */
async function untilLeader(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    const headers = { "x-consul-token": managementToken };
    const answer = await fetch(`${url}/v1/agent/self`, { headers }).catch(() => undefined);
    const leader = await fetch(`${url}/v1/status/leader`, { headers }).catch(() => undefined);
    if (answer?.ok === true && (await leader?.json()) !== "") return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`expected the Consul agent to start, got its exit with ${child.exitCode}`);
}

async function addTokens(
  url: string,
  { mayAnyoneRead }: Required<Pick<ConsulServerOptions, "mayAnyoneRead">>,
): Promise<void> {
  const put = async (path: string, body: object): Promise<void> => {
    const headers = { "x-consul-token": managementToken };
    const answer = await fetch(`${url}/v1/acl/${path}`, {
      method: "PUT",
      headers,
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`expected Consul to store ${path}, got ${await answer.text()}`);
  };
  await put("policy", { Name: "writer", Rules: 'service_prefix "" { policy = "write" }' });
  await put("token", { SecretID: writerToken, Policies: [{ Name: "writer" }] });
  if (!mayAnyoneRead) return;
  const Rules = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';
  await put("policy", { Name: "reader", Rules });
  await put(`token/${anonymousId}`, { Policies: [{ Name: "reader" }] });
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
