import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "../../lib/daemon-process.ts";

/** A Consul agent that is its own server and keeps everything in memory. */
export interface ConsulProcess extends AsyncDisposable {
  readonly port: number;
  /** The ids of passing instances of a service, as Consul says them. */
  passing(serviceName: string): Promise<readonly string[]>;
}

interface HealthEntry {
  readonly Service: { readonly ID: string };
}

/** The path of Consul: that of `INFERNODE_CONSUL`, or one on the path. */
export function findConsul(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const candidates = [
    process.env["INFERNODE_CONSUL"] ?? "",
    ...folders.map((folder) => join(folder, "consul")),
  ];
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return path !== "";
    } catch {
      return false;
    }
  });
}

/** Starts an agent and waits for its leader. */
export async function startConsul(path: string): Promise<ConsulProcess> {
  const [http, server, serf] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const used = `-http-port ${http} -server-port ${server} -serf-lan-port ${serf}`;
  const unused = "-grpc-port -1 -grpc-tls-port -1 -dns-port -1 -serf-wan-port -1";
  const command = `agent -dev -bind 127.0.0.1 -client 127.0.0.1 -log-level error ${used} ${unused}`;
  const config = "connect{enabled=false} disable_update_check=true";
  const child = spawn(path, [...command.split(" "), "-hcl", config], { stdio: "ignore" });
  const exited = once(child, "exit");
  const url = `http://127.0.0.1:${http}`;
  const hasLeader = async (): Promise<boolean> => {
    const answer = await fetch(`${url}/v1/status/leader`).catch(() => undefined);
    return answer?.ok === true && (await answer.json()) !== "";
  };
  while (!(await hasLeader())) {
    if (child.exitCode !== null) throw new Error(`Consul exited with ${child.exitCode}`);
    await sleep(20);
  }
  return {
    port: http,
    async passing(serviceName) {
      const answer = await fetch(`${url}/v1/health/service/${serviceName}?passing`);
      return ((await answer.json()) as readonly HealthEntry[]).map(({ Service }) => Service.ID);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
