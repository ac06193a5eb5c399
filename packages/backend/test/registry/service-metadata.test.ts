import { parseServiceRegistration } from "@infernode/discovery";
import {
  array,
  assert,
  base64String,
  constantFrom,
  dictionary,
  nat,
  oneof,
  option,
  property,
  record,
  string,
  subarray,
  type Arbitrary,
} from "fast-check";
import { expect, test } from "vitest";
import { isModelId } from "../../src/config/model-id.ts";
import {
  parseServiceMetadata,
  writeServiceMetadata,
  type ServiceDescription,
} from "../../src/registry/service-metadata.ts";

const name = string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter(isModelId);
const optional = <Value>(values: Arbitrary<Value>): Arbitrary<Value | undefined> =>
  option(values, { nil: undefined });
const count = optional(nat(1_000_000));
const service: Arbitrary<ServiceDescription> = record({
  version: constantFrom("0.1.0", "1.0.0-beta.1+build"),
  protocol: constantFrom("http", "https"),
  model: name,
  aliases: array(name, { maxLength: 20 }),
  state: constantFrom("starting", "ready", "restarting", "draining", "failed", undefined),
  running: count,
  queued: count,
  kvFree: optional(nat(100).map((hundredths) => hundredths / 100)),
  contextTokens: count,
  operations: subarray(["generate", "tokenize", "describe-prompt"]),
  features: subarray(["chat", "tools", "reasoning"]),
  executor: constantFrom("onnx", "cuda", undefined),
  quantization: constantFrom("none", "int8", undefined),
  prefixes: optional(
    base64String({ minLength: 4, maxLength: 512 }).map((text) => text.replaceAll(/[+/=]/g, "_")),
  ),
});

function register(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const place = { id: "a", name: "infernode", address: "127.0.0.1", port: 1, tags: [] };
  return parseServiceRegistration({ ...place, metadata }).metadata;
}

test("reads what it wrote, within the limits of a registration", () => {
  assert(
    property(service, (description) => {
      expect(parseServiceMetadata(register(writeServiceMetadata(description)))).toEqual(description);
    }),
  );
});

test("reads the latest description after metadata was merged", () => {
  assert(
    property(array(service, { minLength: 2, maxLength: 4 }), (descriptions) => {
      let merged: Readonly<Record<string, string>> = {};
      for (const description of descriptions) {
        merged = register({ ...merged, ...writeServiceMetadata(description, merged) });
      }
      expect(parseServiceMetadata(merged)).toEqual(descriptions.at(-1));
    }),
  );
});

test("never fails on metadata of others, and reads only names that models can have", () => {
  const key = constantFrom(
    "version",
    "model",
    "model-2",
    "protocol",
    "aliases",
    "aliases-2",
    "running",
    "kv-free",
  );
  const value = oneof(string(), constantFrom("%", "%E0%A4", "a,,b", "http", "1e5", "-1", "1.01"));
  assert(
    property(dictionary(key, value), (metadata) => {
      const parsed = parseServiceMetadata(metadata);
      if (parsed === undefined) return;
      expect([parsed.model, ...parsed.aliases].every(isModelId)).toBe(true);
      expect(parsed.running === undefined || Number.isSafeInteger(parsed.running)).toBe(true);
    }),
  );
});

const plain: ServiceDescription = {
  version: "0.1.0",
  protocol: "http",
  model: "Qwen/Qwen3",
  aliases: ["a,b", "c"],
  state: "ready",
  running: 3,
  queued: 0,
  kvFree: 0.756,
  contextTokens: 4096,
  operations: ["generate"],
  features: [],
  executor: "onnx",
  quantization: undefined,
  prefixes: undefined,
};

test("writes values that templates of others can read", () => {
  expect(writeServiceMetadata(plain)).toEqual({
    version: "0.1.0",
    protocol: "http",
    model: "Qwen%2FQwen3",
    aliases: "a%2Cb,c",
    state: "ready",
    running: "3",
    queued: "0",
    "kv-free": "0.76",
    "context-tokens": "4096",
    operations: "generate",
    executor: "onnx",
  });
});

test("says how many names do not fit", () => {
  const aliases = Array.from({ length: 1100 }, (_, index) => `an-adapter-${index}`);
  const metadata = register(writeServiceMetadata({ ...plain, aliases }));
  const read = parseServiceMetadata(metadata)?.aliases ?? [];
  expect(read).toEqual(aliases.slice(0, read.length));
  expect(Number(metadata["aliases-omitted"])).toBe(aliases.length - read.length);
  expect(read.length).toBeGreaterThan(400);
});
