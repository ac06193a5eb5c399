import { BlockList, isIP } from "node:net";

/** The host of a URL or of a `host` header, normalised: lower case, no brackets, no trailing dot. */
export interface ParsedHost {
  readonly name: string;
  readonly port: string;
  readonly isAddress: boolean;
}

const syntax =
  /^(?:\[(?<ip6>[0-9a-f:.]+)\]|(?<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::(?<port>\d{0,5}))?$/;

/** Parses `name`, `name:port`, `[address]` or `[address]:port`; returns `undefined` for anything else. */
export function parseHost(text: string): ParsedHost | undefined {
  const groups = text.length > 300 ? undefined : syntax.exec(text.toLowerCase())?.groups;
  if (groups === undefined) return undefined;
  const { ip6, name = "", port = "" } = groups;
  if (Number(port) > 65_535) return undefined;
  if (ip6 !== undefined) return isIP(ip6) === 6 ? { name: ip6, port, isAddress: true } : undefined;
  const isAddress = isIP(name) === 4;
  // A name whose last label is a number is an address in a non-standard form, which clients interpret differently.
  if (!isAddress && /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(name)) return undefined;
  return { name, port, isAddress };
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether a host is `localhost` or a loopback address. Takes IPv6 without brackets. */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const version = isIP(host);
  return version !== 0 && loopback.check(host, version === 6 ? "ipv6" : "ipv4");
}
