import { findConsul, startConsulAgent } from "./consul-agent.ts";
import type { ConsulServer, ConsulServerOptions } from "./consul-server.ts";
import { startConsulStandIn } from "./consul-stand-in.ts";

/** One kind of server that the tests run over. */
interface ConsulServerKind {
  readonly name: string;
  readonly start: (options?: ConsulServerOptions) => Promise<ConsulServer>;
}

const path = findConsul();
if (path === undefined) {
  process.stderr.write(
    "tests over a real Consul are skipped: no consul on the path, and INFERNODE_CONSUL is not set\n",
  );
}

/** A stand-in, and a real agent where there is one. */
export const consulServers: readonly ConsulServerKind[] = [
  { name: "a stand-in", start: startConsulStandIn },
  ...(path === undefined
    ? []
    : [
        {
          name: "a real Consul",
          start: (options: ConsulServerOptions = {}) => startConsulAgent(path, options),
        },
      ]),
];
