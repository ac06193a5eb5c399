import type { ServiceInstance, ServiceState } from "../discovery-provider.ts";
import { DiscoveryError } from "../errors.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the answer of `/v1/health/service/:name`: frozen instances, in the order in which they were created.
 * @throws DiscoveryError `REGISTRY_UNAVAILABLE` if it is not such an answer
 * @see https://developer.hashicorp.com/consul/api-docs/health#list-service-instances-for-service
 */
export function parseInstances(body: unknown): readonly ServiceInstance[] {
  if (!Array.isArray(body)) throw unexpected("a list of services", body);
  const entries = body.map((entry: unknown) => {
    const service = fieldsOf(fieldsOf(entry)["Service"]);
    const node = fieldsOf(fieldsOf(entry)["Node"]);
    return {
      service,
      created: Number(service["CreateIndex"]),
      instance: parseInstance(entry, service, node),
    };
  });
  const ordered = entries.toSorted(
    (a, b) => a.created - b.created || (a.instance.id < b.instance.id ? -1 : 1),
  );
  return Object.freeze(ordered.map(({ instance }) => instance));
}

function parseInstance(entry: unknown, service: Fields, node: Fields): ServiceInstance {
  const address = text(service["Address"]);
  const tags: readonly unknown[] = Array.isArray(service["Tags"]) ? service["Tags"] : [];
  const checks: readonly unknown[] = Array.isArray(fieldsOf(entry)["Checks"])
    ? (fieldsOf(entry)["Checks"] as readonly unknown[])
    : [];
  return Object.freeze({
    id: text(service["ID"]),
    name: text(service["Service"]),
    // An empty one means that of the node.
    address: address === "" ? text(node["Address"]) : address,
    port: typeof service["Port"] === "number" ? service["Port"] : 0,
    tags: Object.freeze(tags.map(text)),
    metadata: Object.freeze(
      Object.fromEntries(
        Object.entries(fieldsOf(service["Meta"] ?? {})).map(([key, value]) => [key, text(value)]),
      ),
    ),
    state: worstState(checks.map((check) => text(fieldsOf(check)["Status"]))),
  });
}

/** A service is as healthy as the worst check of it and of its node. */
function worstState(statuses: readonly string[]): ServiceState {
  if (statuses.some((status) => status !== "passing" && status !== "warning")) return "critical";
  return statuses.includes("warning") ? "warning" : "passing";
}

function fieldsOf(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unexpected("an object", value);
  }
  return value as Fields;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw unexpected("a string", value);
  return value;
}

function unexpected(expected: string, got: unknown): DiscoveryError {
  const shown = got === null ? "null" : Array.isArray(got) ? "a list" : `a value of type ${typeof got}`;
  return new DiscoveryError(
    "REGISTRY_UNAVAILABLE",
    `the answer of the Consul agent: expected ${expected}, got ${shown}`,
  );
}
