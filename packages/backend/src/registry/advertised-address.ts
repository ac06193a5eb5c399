import { networkInterfaces } from "node:os";
import { BackendError } from "../errors.ts";
import { isLoopback } from "../text/parse-host.ts";

/** The address that others are told. */
export interface AdvertisedAddress {
  readonly address: string;
  /** What an operator should know of it. */
  readonly warning: string | undefined;
}

type Interfaces = ReturnType<typeof networkInterfaces>;

const wildcards = new Set(["0.0.0.0", "::", "*"]);

/**
 * Chooses the address at which other machines reach a daemon: the configured one, or the one that it listens on. One
 * that listens on all addresses is registered with the only one that the machine has.
 * @throws BackendError `INVALID_CONFIG` if the machine has none, or several
 */
export function advertisedAddress(
  { advertiseAddress, host }: { readonly advertiseAddress: string | undefined; readonly host: string },
  interfaces: Interfaces = networkInterfaces(),
): AdvertisedAddress {
  if (advertiseAddress !== undefined) return { address: advertiseAddress, warning: undefined };
  if (isLoopback(host)) {
    const warning = `registering ${host}, which other machines cannot reach: set discovery.advertiseAddress, or listen on another address`;
    return { address: host, warning };
  }
  if (!wildcards.has(host)) return { address: host, warning: undefined };
  const found = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses.flatMap(({ address, family, internal }) =>
      internal || family !== "IPv4" ? [] : [{ name, address }],
    ),
  );
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) {
    const warning = `listening on ${host}: registering ${only.address} of ${only.name}; set discovery.advertiseAddress to choose another one`;
    return { address: only.address, warning };
  }
  const listed = found.map(({ name, address }) => `${address} of ${name}`).join(", ");
  throw new BackendError(
    "INVALID_CONFIG",
    `discovery.advertiseAddress: expected the address at which others reach this daemon, as it listens on ${host}, got none; this machine has ${listed === "" ? "no IPv4 address but loopback" : listed}`,
  );
}
