import { isIP } from "node:net";
import type { ServiceRegistration, ServiceState } from "./discovery-provider.ts";
import { InvalidRegistrationError } from "./errors.ts";

const serviceName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const serviceId = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$/;
const hostName =
  /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;
const metadataKey = /^[A-Za-z0-9_-]{1,128}$/;
const controlCharacter = /\p{Cc}/u;

/** What Consul stores of a service at most; other providers hold to it so that a service can move. */
export const registrationLimits = {
  idLength: 253,
  nameLength: 63,
  addressLength: 253,
  tagLength: 255,
  metadataPairCount: 64,
  metadataKeyLength: 128,
  metadataValueLength: 512,
} as const;

const states: readonly ServiceState[] = ["passing", "warning", "critical"];
const fields = ["id", "name", "address", "port", "tags", "metadata"];

/**
 * Checks a registration and answers a frozen copy.
 * @throws InvalidRegistrationError `INVALID_REGISTRATION`
 * @see https://developer.hashicorp.com/consul/docs/reference/service for the limits of metadata
 * @see https://www.rfc-editor.org/rfc/rfc1123#section-2.1 for names, which are one label in lower case
 */
export function parseServiceRegistration(input: ServiceRegistration): ServiceRegistration {
  if (typeof input !== "object" || input === null) {
    throw new InvalidRegistrationError("the registration", "an object", input);
  }
  for (const field of Object.keys(input)) {
    if (!fields.includes(field)) {
      throw new InvalidRegistrationError(field, `absent (known: ${fields.join(", ")})`, "it");
    }
  }
  const { id, name, address, port, tags, metadata } = input;
  if (!isText(id, serviceId)) {
    throw new InvalidRegistrationError(
      "id",
      "1 to 253 of A-Z a-z 0-9 . _ : - that begin with a letter or digit",
      id,
    );
  }
  if (!isText(name, serviceName)) {
    throw new InvalidRegistrationError("name", "1 to 63 of a-z 0-9 - without a hyphen at an end", name);
  }
  if (!isAddress(address)) {
    throw new InvalidRegistrationError(
      "address",
      "an IP address or a host name of at most 253 characters",
      address,
    );
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidRegistrationError("port", "an integer from 0 to 65535", port);
  }
  return Object.freeze({ id, name, address, port, tags: parseTags(tags), metadata: parseMetadata(metadata) });
}

/**
 * Checks metadata and answers a frozen copy.
 * @throws InvalidRegistrationError `INVALID_REGISTRATION`
 */
export function parseMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
    throw new InvalidRegistrationError("metadata", "an object of texts", metadata);
  }
  const pairs = Object.entries<unknown>(metadata);
  const { metadataPairCount, metadataValueLength } = registrationLimits;
  if (pairs.length > metadataPairCount) {
    throw new InvalidRegistrationError("metadata", `at most ${metadataPairCount} pairs`, pairs.length);
  }
  for (const [key, value] of pairs) {
    if (!metadataKey.test(key)) {
      throw new InvalidRegistrationError("metadata", "keyed by 1 to 128 of A-Z a-z 0-9 _ -", key);
    }
    if (key.startsWith("consul-")) {
      throw new InvalidRegistrationError(`metadata.${key}`, "named without the reserved prefix consul-", key);
    }
    if (typeof value !== "string" || value.length > metadataValueLength) {
      throw new InvalidRegistrationError(
        `metadata.${key}`,
        `a text of at most ${metadataValueLength} characters`,
        value,
      );
    }
  }
  return Object.freeze({ ...metadata });
}

/**
 * Checks that a state is one of the three.
 * @throws InvalidRegistrationError `INVALID_REGISTRATION`
 */
export function parseServiceState(state: ServiceState): ServiceState {
  if (!states.includes(state)) throw new InvalidRegistrationError("state", states.join(", "), state);
  return state;
}

function parseTags(tags: readonly string[]): readonly string[] {
  if (!Array.isArray(tags)) throw new InvalidRegistrationError("tags", "an array of texts", tags);
  for (const [index, tag] of tags.entries()) {
    const isTag: boolean =
      typeof tag === "string" &&
      tag !== "" &&
      tag.length <= registrationLimits.tagLength &&
      !controlCharacter.test(tag);
    if (!isTag) {
      throw new InvalidRegistrationError(
        `tags[${index}]`,
        "a text of 1 to 255 characters without control characters",
        tag,
      );
    }
  }
  return Object.freeze([...tags]);
}

function isText(value: unknown, pattern: RegExp): boolean {
  return typeof value === "string" && pattern.test(value);
}

function isAddress(value: unknown): boolean {
  if (typeof value !== "string" || value.length > registrationLimits.addressLength) return false;
  if (isIP(value) !== 0) return true;
  // Digits and dots alone are a mistyped IP address, never a host name.
  return hostName.test(value) && !/^[\d.]+$/.test(value);
}
