import { isIP } from "node:net";
import type { ServiceRegistration, ServiceState } from "./discovery-provider.ts";
import { InvalidRegistrationError } from "./errors.ts";

/** What Consul stores of a service at most; all providers enforce it, so that a service can move between them. */
export const registrationLimits = {
  idLength: 253,
  nameLength: 63,
  addressLength: 253,
  tagLength: 255,
  metadataPairCount: 64,
  metadataKeyLength: 128,
  metadataValueLength: 512,
} as const;

const serviceName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const serviceId = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$/;
const hostName =
  /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;
const metadataKey = /^[A-Za-z0-9_-]{1,128}$/;
const controlCharacter = /\p{Cc}/u;
const states: readonly ServiceState[] = ["passing", "warning", "critical"];

type Rule = readonly [isValid: (value: unknown) => boolean, expected: string];

const isText = (value: unknown, pattern: RegExp): boolean => typeof value === "string" && pattern.test(value);

const rules: Readonly<Record<"id" | "name" | "address" | "port" | "tag" | "state", Rule>> = {
  id: [
    (value) => isText(value, serviceId),
    "1 to 253 of A-Z a-z 0-9 . _ : - that begin with a letter or digit",
  ],
  name: [(value) => isText(value, serviceName), "1 to 63 of a-z 0-9 - without a hyphen at an end"],
  address: [isAddress, "an IP address or a host name of at most 253 characters"],
  port: [
    (value) => typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65_535,
    "an integer from 0 to 65535",
  ],
  tag: [
    (value) =>
      typeof value === "string" &&
      value !== "" &&
      value.length <= registrationLimits.tagLength &&
      !controlCharacter.test(value),
    "a string of 1 to 255 characters without control characters",
  ],
  state: [(value) => states.some((state) => state === value), `one of ${states.join(", ")}`],
};

function assertRule(field: string, value: unknown, [isValid, expected]: Rule): void {
  if (!isValid(value)) throw new InvalidRegistrationError(field, expected, value);
}

/**
 * Checks a registration; returns a frozen copy.
 * @throws InvalidRegistrationError `INVALID_REGISTRATION`
 * @see https://developer.hashicorp.com/consul/docs/reference/service for the limits of metadata
 * @see https://www.rfc-editor.org/rfc/rfc1123#section-2.1 for names, which are one label in lower case
 */
export function parseServiceRegistration(input: ServiceRegistration): ServiceRegistration {
  if (typeof input !== "object" || input === null) {
    throw new InvalidRegistrationError("the registration", "an object", input);
  }
  const { id, name, address, port, tags, metadata, ...unknown } = input;
  for (const field of Object.keys(unknown)) {
    throw new InvalidRegistrationError(field, "a field among id, name, address, port, tags, metadata", field);
  }
  assertRule("id", id, rules.id);
  assertRule("name", name, rules.name);
  assertRule("address", address, rules.address);
  assertRule("port", port, rules.port);
  return Object.freeze({ id, name, address, port, tags: parseTags(tags), metadata: parseMetadata(metadata) });
}

/**
 * Checks metadata; returns a frozen copy.
 * @throws InvalidRegistrationError `INVALID_REGISTRATION`
 */
export function parseMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
    throw new InvalidRegistrationError("metadata", "an object of strings", metadata);
  }
  const pairs = Object.entries<unknown>(metadata);
  const { metadataPairCount, metadataValueLength } = registrationLimits;
  if (pairs.length > metadataPairCount) {
    throw new InvalidRegistrationError("metadata", `at most ${metadataPairCount} pairs`, pairs.length);
  }
  for (const [key, value] of pairs) {
    if (!metadataKey.test(key)) {
      throw new InvalidRegistrationError("metadata", "keys of 1 to 128 of A-Z a-z 0-9 _ -", key);
    }
    if (key.startsWith("consul-")) {
      throw new InvalidRegistrationError(`metadata.${key}`, "a key without the reserved prefix consul-", key);
    }
    if (typeof value !== "string" || value.length > metadataValueLength) {
      const expected = `a string of at most ${metadataValueLength} characters`;
      throw new InvalidRegistrationError(`metadata.${key}`, expected, value);
    }
  }
  return Object.freeze({ ...metadata });
}

/**
 * Checks a state.
 * @throws InvalidRegistrationError `INVALID_REGISTRATION`
 */
export function parseServiceState(state: ServiceState): ServiceState {
  assertRule("state", state, rules.state);
  return state;
}

function parseTags(tags: readonly string[]): readonly string[] {
  if (!Array.isArray(tags)) throw new InvalidRegistrationError("tags", "an array of strings", tags);
  for (const [index, tag] of tags.entries()) assertRule(`tags[${index}]`, tag, rules.tag);
  return Object.freeze([...tags]);
}

function isAddress(value: unknown): boolean {
  if (typeof value !== "string" || value.length > registrationLimits.addressLength) return false;
  if (isIP(value) !== 0) return true;
  // Digits and dots only are a mistyped IP address, never a host name.
  return hostName.test(value) && !/^[\d.]+$/.test(value);
}
