import type { InfernodeConfig } from "../../config/config.ts";
import { BackendError } from "../../errors.ts";
import { advertisedAddress } from "../../registry/advertised-address.ts";
import { openDiscovery } from "../../registry/open-discovery.ts";
import { reportRegistry, type RegistryReport } from "../../registry/registry-report.ts";
import { parseServiceMetadata } from "../../registry/service-metadata.ts";

/** The service registry that is configured, as this machine reaches it. */
export interface RegistryProbe extends Partial<Omit<RegistryReport, "registrations">> {
  readonly provider: RegistryReport["provider"];
  readonly serviceName: string;
  /** What `serve` would tell others; and what an operator should know of it. */
  readonly address?: string;
  readonly warning?: string | undefined;
  /** Why `serve` would not start; a registry that does not answer is no reason. */
  readonly reasons: readonly string[];
}

/** Asks the configured registry; `undefined` if the registry is the daemon itself. @param token of Consul, if no file has it */
export async function probeRegistry(
  config: Pick<InfernodeConfig, "server" | "discovery" | "consul">,
  token: string | undefined,
): Promise<RegistryProbe | undefined> {
  const { provider, serviceName, advertiseAddress } = config.discovery;
  if (provider === "embedded") return undefined;
  try {
    const advertised =
      provider === "consul" ? advertisedAddress({ advertiseAddress, host: config.server.host }) : {};
    const { provider: opened, ...asking } = await openDiscovery(config, { token });
    await using asked = opened;
    const { registrations: _own, ...report } = await reportRegistry(
      { provider: asked, ...asking },
      config.discovery,
      [],
    );
    return { ...report, ...advertised, reasons: [] };
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    return { provider, serviceName, reasons: [error.message] };
  }
}

/** Describes the registry for people: what it answers, and each instance of the service. */
export function describeRegistry(probe: RegistryProbe): string {
  const { provider, registry, serviceName, instances, checks = [], reason, warning, reasons } = probe;
  if (reasons.length > 0) return `cannot be used: ${reasons.join("; ")}`;
  const place = registry == null ? provider : `${provider} at ${registry.url}`;
  const answer =
    instances === undefined
      ? [
          `${registry?.state ?? "unreachable"}: ${reason}`,
          "infernode serve would start, and register when it can",
        ]
      : instances.map(
          ({ id, state, address, port, metadata }) =>
            `${state}: ${id}, ${parseServiceMetadata(metadata)?.model ?? "no model known"}, at ${address}:${port}`,
        );
  const count = instances === undefined ? "" : `, ${instances.length} registered as ${serviceName}`;
  const silent = checks.flatMap(({ id, reason: why }) => (why === undefined ? [] : [`${id}: ${why}`]));
  return [
    `${place}${count}`,
    ...answer,
    ...silent,
    ...(warning === undefined ? [] : [`warning: ${warning}`]),
  ].join("\n");
}
