import type { ServiceInstance, ServiceRegistration, ServiceState } from "./discovery-provider.ts";
import { parseMetadata, parseServiceState } from "./service-registration.ts";

/** A change of a registered service; metadata is merged. */
export interface ServiceChange {
  readonly state?: ServiceState;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Applies a change; returns the same instance when nothing changes.
 * @throws InvalidRegistrationError `INVALID_REGISTRATION`
 */
export function changeInstance(instance: ServiceInstance, change: ServiceChange): ServiceInstance {
  const state = parseServiceState(change.state ?? instance.state);
  const changed = change.metadata === undefined ? {} : parseMetadata(change.metadata);
  const metadata = parseMetadata({ ...instance.metadata, ...changed });
  const isUnchanged =
    state === instance.state &&
    Object.keys(metadata).every(
      (key) => Object.hasOwn(instance.metadata, key) && metadata[key] === instance.metadata[key],
    );
  return isUnchanged ? instance : { ...instance, state, metadata };
}

/** The registration of an instance, frozen. */
export function registrationOf({
  id,
  name,
  address,
  port,
  tags,
  metadata,
}: ServiceInstance): ServiceRegistration {
  return Object.freeze({ id, name, address, port, tags, metadata });
}

/** What a list is restricted to. */
export interface ServiceFilter {
  readonly name?: string;
  readonly tag?: string;
  readonly state?: ServiceState;
}

/** Whether an instance passes a filter. */
export function matchesFilter(instance: ServiceInstance, { name, tag, state }: ServiceFilter): boolean {
  return (
    (name === undefined || instance.name === name) &&
    (tag === undefined || instance.tags.includes(tag)) &&
    (state === undefined || instance.state === state)
  );
}
