import { readFile } from "node:fs/promises";
import {
  createEmbeddedDiscovery,
  DiscoveryError,
  type DiscoveryEventSink,
  type ServiceRegistration,
} from "@infernode/discovery";
import type { ConsulDiscoveryOptions, ConsulTls } from "@infernode/discovery/consul";
import type { ConsulSettings, InfernodeConfig } from "../config/config.ts";
import { BackendError } from "../errors.ts";
import { openStatic } from "./open-static.ts";
import { withoutAbsent, withoutRegistry, type OpenedDiscovery } from "./opened-discovery.ts";

/** What a provider is opened with besides its settings. */
export interface OpenDiscoveryOptions {
  /** [none] */
  readonly events?: DiscoveryEventSink;
  /** Of Consul, where no file has it. */
  readonly token: string | undefined;
  /** Why a service that this process registered takes no requests. [it does] */
  readonly stallReason?: (service: ServiceRegistration) => string | undefined;
}

/**
 * Opens the configured provider; nothing is asked of a registry yet.
 * @throws BackendError `INVALID_CONFIG`
 */
export async function openDiscovery(
  { discovery, consul }: Pick<InfernodeConfig, "discovery" | "consul">,
  options: OpenDiscoveryOptions,
): Promise<OpenedDiscovery> {
  const { events, token, stallReason } = options;
  if (discovery.provider !== "static" && discovery.daemons.length > 0) {
    const message = `expected the provider static with a list of daemons, got ${discovery.provider}`;
    throw new BackendError("INVALID_CONFIG", `discovery.provider: ${message}`);
  }
  if (discovery.provider === "embedded") {
    return withoutRegistry(createEmbeddedDiscovery(withoutAbsent({ events })));
  }
  if (discovery.provider === "static") return openStatic(discovery, events);
  const { createConsulDiscovery } = await import("@infernode/discovery/consul");
  const { url, ttlMs, criticalTimeoutMs } = consul;
  const [tls, fileToken] = await Promise.all([readTls(consul), readToken(consul.tokenFile)]);
  const given = {
    token: fileToken ?? (token === "" ? undefined : token),
    datacenter: consul.datacenter,
    namespace: consul.namespace,
    partition: consul.partition,
    stallReason,
    events,
  };
  try {
    const provider = createConsulDiscovery({
      url,
      tls,
      ttlMs,
      criticalTimeoutMs,
      ...paceOf(ttlMs),
      ...withoutAbsent(given),
    });
    return { ...withoutRegistry(provider), status: () => provider.status() };
  } catch (error) {
    if (!(error instanceof DiscoveryError)) throw error;
    throw new BackendError("INVALID_CONFIG", `consul: ${error.message}`, { cause: error });
  }
}

/** A request that is lost must not let a registration expire, and a registry that is back soon knows all of them. */
function paceOf(ttlMs: number): Pick<ConsulDiscoveryOptions, "requestTimeoutMs" | "retry"> {
  return {
    requestTimeoutMs: Math.min(5000, Math.max(500, Math.round(ttlMs / 2))),
    retry: { minMs: 250, maxMs: Math.min(5000, Math.max(500, Math.round(ttlMs / 3))) },
  };
}

async function readToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const token = (await read("tokenFile", file)).toString("utf8").trim();
  if (token !== "") return token;
  throw new BackendError(
    "INVALID_CONFIG",
    `consul.tokenFile: expected a token in ${file}, got an empty file`,
  );
}

async function readTls({ url, caFile, certFile, keyFile, serverName }: ConsulSettings): Promise<ConsulTls> {
  const files = { ca: caFile, cert: certFile, key: keyFile, servername: serverName };
  if (!url.startsWith("https:") && Object.values(files).some((each) => each !== undefined)) {
    throw new BackendError(
      "INVALID_CONFIG",
      `consul.url: expected an https URL with caFile, certFile, keyFile or serverName, got ${url}`,
    );
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new BackendError(
      "INVALID_CONFIG",
      "consul: expected certFile and keyFile together, got one of them",
    );
  }
  const [ca, cert, key] = await Promise.all([
    caFile === undefined ? undefined : read("caFile", caFile),
    certFile === undefined ? undefined : read("certFile", certFile),
    keyFile === undefined ? undefined : read("keyFile", keyFile),
  ]);
  return withoutAbsent({ ca, cert, key, servername: serverName });
}

/** More than any token, certificate or bundle has. */
const maxFileBytes = 2 ** 20;

async function read(key: string, file: string): Promise<Buffer> {
  const bytes = await readFile(file).catch((error: unknown) => {
    const got = error instanceof Error ? error.message : String(error);
    throw new BackendError("INVALID_CONFIG", `consul.${key}: expected a file that can be read, got ${got}`, {
      cause: error,
    });
  });
  if (bytes.length <= maxFileBytes) return bytes;
  const expected = `a file of at most ${maxFileBytes} bytes`;
  throw new BackendError(
    "INVALID_CONFIG",
    `consul.${key}: expected ${expected}, got ${bytes.length} in ${file}`,
  );
}
