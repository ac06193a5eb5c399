import type { IncomingMessage } from "node:http";
import { ApiError } from "../api/shared/api-error.ts";
import { describeValue } from "../text/describe-value.ts";
import { isLoopback, parseHost, type ParsedHost } from "../text/parse-host.ts";

export interface HostGuardOptions {
  /** Names that are answered besides this machine's own; `.example.com` for all below it, `*` for any. */
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
}

/**
 * Refuses requests that a page of somebody else's made a browser send: a page whose name was pointed at this
 * machine (DNS rebinding) sends its own name as `host`, any other page sends its own origin.
 */
export interface HostGuard {
  /** What is listened on, once it is known. */
  setAddresses(addresses: readonly string[], name: string): void;
  /** @param target as the request line has it @throws ApiError 400, 403 */
  assertAllowed(
    request: Pick<IncomingMessage, "headers" | "rawHeaders" | "httpVersion">,
    target: string,
  ): void;
}

function badHost(message: string): ApiError {
  return new ApiError(message, { status: 400, type: "invalid_request_error", code: "bad_request" });
}

function forbidden(message: string, code: "host_not_allowed" | "origin_not_allowed"): ApiError {
  return new ApiError(message, { status: 403, type: "invalid_request_error", code });
}

/** The host of a request line such as `GET http://example.com/path HTTP/1.1`. */
function authorityOf(target: string): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(target)?.[1];
}

/** The path of a request target in whatever form. */
export function pathOfTarget(target: string): string {
  if (target.startsWith("/")) return target;
  const authority = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(target)?.[0];
  if (authority === undefined) return target;
  const rest = target.slice(authority.length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function hostsOf(rawHeaders: readonly string[]): readonly string[] {
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
    // A rebound name is a name; an address that reaches a server on the network can only be its own.
    isLoopback(name) || isNamed(name) || (isAddress && !isLocal);
  const parse = (text: string): ParsedHost => {
    const host = parseHost(text);
    if (host !== undefined) return host;
    throw badHost(
      `The header \`host\` must be a name or an address, with or without a port; found ${describeValue(text)}`,
    );
  };
  const isOriginAllowed = (origin: string, host: ParsedHost | undefined): boolean => {
    if (corsOrigins.includes("*") || corsOrigins.includes(origin)) return true;
    const name = parseHost(/^https?:\/\/(.*)$/i.exec(origin)?.[1] ?? "")?.name;
    return name !== undefined && (isLoopback(name) || isNamed(name) || name === host?.name);
  };

  return {
    setAddresses(addresses, name) {
      isLocal = addresses.length > 0 && addresses.every(isLoopback);
      names.add(name.toLowerCase());
    },
    assertAllowed(request, target) {
      const headers = hostsOf(request.rawHeaders);
      if (headers.length > 1) {
        throw badHost(`A request must have one header \`host\`; found ${headers.length}`);
      }
      const [header] = headers;
      if (header === undefined && request.httpVersion === "1.1") {
        throw badHost("A request of HTTP/1.1 must have the header `host`");
      }
      const authority = authorityOf(target);
      // The target's host is the one that counts; a browser sends no such target.
      const hosts = [authority, header].filter((text) => text !== undefined).map(parse);
      if (!isLocal && allowed.length === 0) return;
      const foreign = allowsAll ? undefined : hosts.find((host) => !isHostAllowed(host));
      if (foreign !== undefined) {
        throw forbidden(
          `The host ${describeValue(foreign.name)} is not answered here; server.allowedHosts (--allowed-hosts) names those that are`,
          "host_not_allowed",
        );
      }
      const { origin } = request.headers;
      if (origin !== undefined && !isOriginAllowed(origin, hosts.at(-1))) {
        throw forbidden(
          `The origin ${describeValue(origin)} may not call; server.corsOrigins (--cors-origins) names those that may`,
          "origin_not_allowed",
        );
      }
    },
  };
}
