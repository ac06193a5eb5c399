import type { ServiceCheck, ServiceInstance } from "@infernode/discovery";
import { isRecord } from "../is-record.ts";
import { createRemoteClient } from "../models/remote/remote-client.ts";
import { resolveRemoteOptions } from "../models/remote/remote-options.ts";

/** Creates a check that asks a daemon for what it registers of its models, at the address at which it was asked. */
export function createDaemonCheck(fetch?: typeof globalThis.fetch): ServiceCheck {
  return async (service, signal) => {
    const { id, name, address, port, metadata } = service;
    const host = address.includes(":") ? `[${address}]` : address;
    const url = `${metadata["protocol"]}://${host}:${port}`;
    const client = createRemoteClient(resolveRemoteOptions({ url, fetch }), () => undefined);
    const health = await client.getJson({ path: "/health", signal });
    const services: unknown = isRecord(health) ? health["services"] : undefined;
    if (!Array.isArray(services)) {
      throw new TypeError("expected the services of a daemon of Infernode in /health, got none");
    }
    return services.map((each: unknown, index) => {
      if (!isRecord(each)) throw new TypeError(`services[${index}]: expected an object`);
      // Its own address may be one that only it can reach. The provider checks the rest.
      const found = each as unknown as ServiceInstance;
      const described = isRecord(each["metadata"]) ? found.metadata : {};
      return {
        id: `${id}-${index}`,
        name,
        address,
        port,
        tags: found.tags,
        state: found.state,
        metadata: { ...described, protocol: metadata["protocol"] ?? "http" },
      };
    });
  };
}
