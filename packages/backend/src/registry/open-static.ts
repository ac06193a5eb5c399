import {
  createStaticDiscovery,
  DiscoveryError,
  type DiscoveryEventSink,
  type ServiceRegistration,
} from "@infernode/discovery";
import type { DiscoverySettings } from "../config/config.ts";
import { BackendError } from "../errors.ts";
import { createDaemonCheck } from "./daemon-check.ts";
import { withoutAbsent, withoutRegistry, type OpenedDiscovery } from "./opened-discovery.ts";

/** How long a daemon may take to answer. */
const timeoutMs = 1500;

/** Opens a provider of daemons that are known beforehand. @throws BackendError `INVALID_CONFIG` */
export function openStatic(
  { serviceName, daemons, checkIntervalMs }: DiscoverySettings,
  events: DiscoveryEventSink | undefined,
): OpenedDiscovery {
  if (daemons.length === 0) {
    const message = "expected at least one URL with the provider static, got none";
    throw new BackendError("INVALID_CONFIG", `discovery.daemons: ${message}`);
  }
  const services = daemons.map((daemon): ServiceRegistration => {
    const { protocol, hostname, port } = new URL(daemon);
    const address = hostname.replaceAll(/[[\]]/g, "");
    const number = port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
    const metadata = { protocol: protocol.slice(0, -1) };
    return {
      id: `${serviceName}-${address}-${number}`,
      name: serviceName,
      address,
      port: number,
      tags: [],
      metadata,
    };
  });
  try {
    const provider = createStaticDiscovery({
      services,
      check: createDaemonCheck(),
      intervalMs: checkIntervalMs,
      timeoutMs,
      ...withoutAbsent({ events }),
    });
    return {
      ...withoutRegistry(provider),
      checks: () => provider.checks(),
      looked: () => provider.looked(),
    };
  } catch (error) {
    if (!(error instanceof DiscoveryError)) throw error;
    throw new BackendError("INVALID_CONFIG", `discovery.daemons: ${error.message}`, { cause: error });
  }
}
