import { findFreePort } from "../../lib/daemon-process.ts";
import type { ConsulProcess } from "./consul-process.ts";
import type { ScenarioContext } from "./scenario.ts";
import { startTcpRelay, type TcpRelay } from "./tcp-relay.ts";
import type { WatchedDaemon } from "./watched-daemon.ts";

/** What may befall a daemon. `hang`: its engine stops; `freeze`: all of its processes stop. */
export const faultKinds = ["kill", "hang", "freeze", "drain", "partition"] as const;

export type FaultKind = (typeof faultKinds)[number];

/** A daemon of a group, behind relays: others reach it, and it reaches Consul, only through them. */
export interface FaultyMember extends AsyncDisposable {
  /** As the gateway calls it. */
  readonly backendId: string;
  /** How its registrations end: with the port and the number of the model. */
  readonly serviceSuffix: string;
  readonly url: string;
  readonly model: string;
  /** Does what the kind says; resolves when it is done, not when it is noticed. */
  apply(kind: FaultKind): Promise<void>;
  /** Undoes it; resolves when the daemon is ready again. */
  recover(kind: FaultKind): Promise<void>;
}

export interface MemberOptions {
  readonly start: ScenarioContext["start"];
  readonly consul: ConsulProcess;
  /** From 0. */
  readonly index: number;
  readonly ttlMs: number;
}

/** Starts a daemon at an address of its own. */
export async function startFaultyMember(options: MemberOptions): Promise<FaultyMember> {
  const { start, consul, index, ttlMs } = options;
  const address = `127.0.0.${21 + index}`;
  const port = await findFreePort();
  const toConsul = await startTcpRelay({ host: "127.0.0.1", port: 0, targetPort: consul.port });
  const toDaemon = await startTcpRelay({ host: address, port, targetPort: port });
  const relays: readonly TcpRelay[] = [toConsul, toDaemon];
  const values = {
    host: "127.0.0.1",
    port: String(port),
    "advertise-address": address,
    "allowed-hosts": address,
    discovery: "consul",
    "consul-url": `http://127.0.0.1:${toConsul.port}`,
    "consul-ttl": String(ttlMs),
    "hang-after": "120000",
    threads: "1",
  };
  const args = Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
  let daemon: WatchedDaemon = await start({ args });
  /** Those that `SIGCONT` must reach: an engine may have been started again meanwhile. */
  let stopped: readonly number[] = [];
  const stop = (pids: readonly number[]): void => {
    stopped = pids;
    for (const pid of pids) process.kill(pid, "SIGSTOP");
  };

  return {
    backendId: `${address}:${port}`,
    serviceSuffix: `-${port}-0`,
    url: daemon.url,
    model: daemon.model,
    async apply(kind) {
      switch (kind) {
        case "kill":
          daemon.signal("SIGKILL");
          await daemon.exited;
          break;
        case "hang":
          stop([daemon.enginePid]);
          break;
        case "freeze":
          stop([daemon.pid, daemon.enginePid]);
          break;
        case "drain":
          daemon.signal("SIGTERM");
          break;
        case "partition":
          for (const relay of relays) relay.cut();
          break;
      }
    },
    async recover(kind) {
      for (const pid of stopped) process.kill(pid, "SIGCONT");
      stopped = [];
      for (const relay of relays) relay.heal();
      if (kind === "kill" || kind === "drain") {
        await daemon.exited;
        daemon = await start({ args });
      }
      await daemon.waitFor(() => daemon.isReady(), 30_000);
    },
    async [Symbol.asyncDispose]() {
      for (const pid of stopped) process.kill(pid, "SIGCONT");
      await daemon[Symbol.asyncDispose]();
      for (const relay of relays) await relay[Symbol.asyncDispose]();
    },
  };
}
