import type { IncomingMessage } from "node:http";
import { ApiError } from "../../api/shared/api-error.ts";
import { describeValue } from "../../text/describe-value.ts";
import { isLoopback, parseHost, type ParsedHost } from "../../text/parse-host.ts";

export interface HostGuardOptions {
  /** Names that are allowed besides this machine's own; `.example.com` for all below it, `*` for any. */
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
}

/**
 * Rejects requests that a foreign page makes a browser send: a page whose name was pointed at this machine (DNS
 * rebinding) sends its own name as `host`, any other page sends its own origin.
 */
export interface HostGuard {
  /** The addresses that the server listens on, once they are known. */
  setAddresses(addresses: readonly string[], name: string): void;
  /** @param target as the request line has it @throws ApiError 400, 403 */
  assertAllowed(
    request: Pick<IncomingMessage, "headers" | "rawHeaders" | "httpVersion">,
    target: string,
  ): void;
  /**
   * The same for a WebSocket, whose origin is checked wherever the server listens: browsers leave that to servers.
   * @throws ApiError 400, 403
   */
  assertSessionAllowed(
    request: Pick<IncomingMessage, "headers" | "rawHeaders" | "httpVersion">,
    target: string,
  ): void;
}

function badHost(expected: string, got: string): ApiError {
  return new ApiError("bad_request", `Invalid header \`host\`: expected ${expected}, got ${got}`);
}

/** The host of a request line such as `GET http://example.com/path HTTP/1.1`. */
function authorityOf(target: string): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(target)?.[1];
}

/** The path of a request target, whatever its form. */
export function pathOfTarget(target: string): string {
  if (target.startsWith("/")) return target;
  const authority = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(target)?.[0];
  if (authority === undefined) return target;
  const rest = target.slice(authority.length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function hostHeadersOf(rawHeaders: readonly string[]): readonly string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === "host");
}

/** Creates the guard of one server. */
export function createHostGuard({ allowedHosts, corsOrigins }: HostGuardOptions): HostGuard {
  const allowed = allowedHosts.map((name) => name.toLowerCase());
  const allowsAll = allowed.includes("*");
  const names = new Set(allowed);
  const suffixes = allowed.filter((name) => name.startsWith("."));
  let isLocal = false;

  const isNamed = (name: string): boolean =>
    names.has(name) || suffixes.some((suffix) => name.endsWith(suffix));
  const isHostAllowed = ({ name, isAddress }: ParsedHost): boolean =>
    // Only names can be rebound; an address that reaches a server on the network is its own.
    isLoopback(name) || isNamed(name) || (isAddress && !isLocal);
  const parse = (text: string): ParsedHost => {
    const host = parseHost(text);
    if (host !== undefined) return host;
    throw badHost("a name or an address, with or without a port", describeValue(text));
  };
  const isOriginAllowed = (origin: string, host: ParsedHost | undefined): boolean => {
    if (corsOrigins.includes("*") || corsOrigins.includes(origin)) return true;
    const name = parseHost(/^https?:\/\/(.*)$/i.exec(origin)?.[1] ?? "")?.name;
    return name !== undefined && (isLoopback(name) || isNamed(name) || name === host?.name);
  };

  const assertOrigin = (origin: string | undefined, host: ParsedHost | undefined): void => {
    if (origin === undefined || isOriginAllowed(origin, host)) return;
    throw new ApiError(
      "origin_not_allowed",
      `The origin ${describeValue(origin)} is not allowed; see server.corsOrigins (--cors-origins)`,
    );
  };
  /** The hosts that a request is addressed to. */
  const hostsOf = (
    { rawHeaders, httpVersion }: Pick<IncomingMessage, "rawHeaders" | "httpVersion">,
    target: string,
  ): readonly ParsedHost[] => {
    const headers = hostHeadersOf(rawHeaders);
    if (headers.length > 1) {
      throw badHost("one header", String(headers.length));
    }
    const [header] = headers;
    if (header === undefined && httpVersion === "1.1") {
      throw badHost("one header in a request of HTTP/1.1", "none");
    }
    // The target's host takes precedence; a browser sends no such target.
    return [authorityOf(target), header].filter((text) => text !== undefined).map(parse);
  };
  const assertHost = (hosts: readonly ParsedHost[]): void => {
    const foreign = allowsAll ? undefined : hosts.find((host) => !isHostAllowed(host));
    if (foreign === undefined) return;
    throw new ApiError(
      "host_not_allowed",
      `The host ${describeValue(foreign.name)} is not allowed; see server.allowedHosts (--allowed-hosts)`,
    );
  };
  const isOpen = (): boolean => !isLocal && allowed.length === 0;

  return {
    setAddresses(addresses, name) {
      isLocal = addresses.length > 0 && addresses.every(isLoopback);
      names.add(name.toLowerCase());
    },
    assertAllowed(request, target) {
      const hosts = hostsOf(request, target);
      if (isOpen()) return;
      assertHost(hosts);
      assertOrigin(request.headers.origin, hosts.at(-1));
    },
    assertSessionAllowed(request, target) {
      const hosts = hostsOf(request, target);
      if (!isOpen()) assertHost(hosts);
      assertOrigin(request.headers.origin, hosts.at(-1));
    },
  };
}
