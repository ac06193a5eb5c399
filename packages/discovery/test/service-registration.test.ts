import { describe, expect, test } from "vitest";
import {
  DiscoveryError,
  InvalidRegistrationError,
  parseServiceRegistration,
  type ServiceRegistration,
} from "../src/index.ts";

const service: ServiceRegistration = {
  id: "infernode-1",
  name: "infernode",
  address: "127.0.0.1",
  port: 8000,
  tags: [],
  metadata: {},
};

function refusal(change: Record<string, unknown>): InvalidRegistrationError {
  try {
    parseServiceRegistration({ ...service, ...change });
  } catch (error) {
    if (error instanceof InvalidRegistrationError) return error;
    throw error;
  }
  throw new Error(`expected a refusal of ${JSON.stringify(change)}`);
}

describe("names the invalid field", () => {
  test.each<[string, Record<string, unknown>]>([
    ["id", { id: "" }],
    ["id", { id: "a b" }],
    ["id", { id: "a/b" }],
    ["id", { id: "a".repeat(254) }],
    ["id", { id: 7 }],
    ["name", { name: "" }],
    ["name", { name: "Infernode" }],
    ["name", { name: "-infernode" }],
    ["name", { name: "infernode-" }],
    ["name", { name: "infer.node" }],
    ["name", { name: "a".repeat(64) }],
    ["address", { address: "" }],
    ["address", { address: "256.0.0.1" }],
    ["address", { address: "host name" }],
    ["address", { address: "http://host" }],
    ["address", { address: `${"a".repeat(60)}.`.repeat(5) }],
    ["port", { port: -1 }],
    ["port", { port: 65_536 }],
    ["port", { port: 80.5 }],
    ["port", { port: Number.NaN }],
    ["port", { port: "8000" }],
    ["tags", { tags: "gpu" }],
    ["tags[1]", { tags: ["gpu", ""] }],
    ["tags[0]", { tags: ["a\nb"] }],
    ["tags[0]", { tags: [undefined] }],
    ["metadata", { metadata: undefined }],
    ["metadata", { metadata: ["a"] }],
    ["metadata", { metadata: { "a.b": "" } }],
    ["metadata", { metadata: { ["k".repeat(129)]: "" } }],
    ["metadata.consul-version", { metadata: { "consul-version": "1" } }],
    ["metadata.load", { metadata: { load: 3 } }],
    ["metadata.model", { metadata: { model: "x".repeat(513) } }],
    [
      "metadata",
      { metadata: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`k${index}`, ""])) },
    ],
    ["weight", { weight: 1 }],
  ])("%s of %j", (field, change) => {
    const error = refusal(change);
    expect(error).toBeInstanceOf(DiscoveryError);
    expect(error.code).toBe("INVALID_REGISTRATION");
    expect(error.field).toBe(field);
    expect(error.message).toMatch(/: expected .+, got .+/);
  });
});

test.each<Partial<ServiceRegistration>>([
  { id: "node-1.example.org:8000" },
  { id: "a".repeat(253) },
  { name: "a" },
  { name: "a".repeat(63) },
  { address: "::1" },
  { address: "node_1.rack-2.example.org" },
  { address: "localhost" },
  { port: 0 },
  { port: 65_535 },
  { tags: ["gpu", "traefik.http.routers.infernode.rule=PathPrefix(`/v1`)"] },
  { metadata: { model: "org/model é", empty: "", ["k".repeat(128)]: "x".repeat(512) } },
])("accepts %j", (change) => {
  expect(parseServiceRegistration({ ...service, ...change })).toEqual({ ...service, ...change });
});

test("truncates a long value in the message, with its length", () => {
  expect(refusal({ metadata: { model: "x".repeat(1000) } }).message).toMatch(
    /^metadata\.model: expected a string of at most 512 characters, got "x{80}…" of 1000 characters$/,
  );
});
