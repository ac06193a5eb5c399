import type { ModelState } from "../models/model-service.ts";
import { isModelId } from "../config/model-id.ts";
import { readText, readWords, writeText, writeWords, type Metadata } from "./metadata-values.ts";

/** What a registration says of the one model that it is for. What is not known is `undefined`. */
export interface ServiceDescription {
  /** Of Infernode. */
  readonly version: string;
  readonly protocol: "http" | "https";
  /** The model's id. */
  readonly model: string;
  /** Other names that requests may use: aliases, and adapters of the model. */
  readonly aliases: readonly string[];
  /** `undefined` if a later version has a state that this one does not know. */
  readonly state: ModelState | undefined;
  /** Sequences in the batch. */
  readonly running: number | undefined;
  /** Requests that wait. */
  readonly queued: number | undefined;
  /** The share of the KV cache that is free, from 0 to 1 in hundredths. */
  readonly kvFree: number | undefined;
  /** The longest sequence that is served. */
  readonly contextTokens: number | undefined;
  /** Names of the operations that it can be asked for. */
  readonly operations: readonly string[];
  /** Such as `chat`, `tools`, `reasoning`. */
  readonly features: readonly string[];
  readonly executor: string | undefined;
  readonly quantization: string | undefined;
  /** A digest of the prefixes that its cache has, in base64url. */
  readonly prefixes: string | undefined;
}

const states: readonly ModelState[] = [
  "starting",
  "ready",
  "restarting",
  "draining",
  "stopped",
  "failed",
  "unavailable",
];

const digest = /^[A-Za-z0-9_-]{1,512}$/;

/**
 * Writes a description as the metadata of a registration. As an update of metadata keeps the keys that it does not
 * have, the keys of `previous` that are gone are written as empty texts, which are read as absent.
 */
export function writeServiceMetadata(service: ServiceDescription, previous: Metadata = {}): Metadata {
  const { kvFree, prefixes } = service;
  const written = {
    ...writeText("version", service.version),
    protocol: service.protocol,
    ...writeText("model", service.model),
    ...writeWords("aliases", service.aliases),
    ...(service.state !== undefined && { state: service.state }),
    ...writeCount("running", service.running),
    ...writeCount("queued", service.queued),
    ...(kvFree !== undefined && { "kv-free": Math.min(1, Math.max(0, kvFree)).toFixed(2) }),
    ...writeCount("context-tokens", service.contextTokens),
    ...writeWords("operations", service.operations),
    ...writeWords("features", service.features),
    ...writeText("executor", service.executor),
    ...writeText("quantization", service.quantization),
    ...(prefixes !== undefined && digest.test(prefixes) && { prefixes }),
  };
  const gone = Object.keys(previous).filter((key) => !Object.hasOwn(written, key));
  return { ...Object.fromEntries(gone.map((key) => [key, ""])), ...written };
}

/**
 * Reads the metadata of a registration; `undefined` if it is not one of Infernode's. Whoever may write to the registry
 * wrote it: what is not as `writeServiceMetadata` writes it is read as absent.
 */
export function parseServiceMetadata(metadata: Metadata): ServiceDescription | undefined {
  const model = readText(metadata, "model");
  const protocol = metadata["protocol"];
  const version = readText(metadata, "version");
  if (model === undefined || !isModelId(model) || version === undefined) return undefined;
  if (protocol !== "http" && protocol !== "https") return undefined;
  const prefixes = metadata["prefixes"] ?? "";
  return {
    version,
    protocol,
    model,
    aliases: readWords(metadata, "aliases").filter(isModelId),
    state: states.find((state) => state === metadata["state"]),
    running: readCount(metadata["running"]),
    queued: readCount(metadata["queued"]),
    kvFree: readShare(metadata["kv-free"]),
    contextTokens: readCount(metadata["context-tokens"]),
    operations: readWords(metadata, "operations"),
    features: readWords(metadata, "features"),
    executor: readText(metadata, "executor"),
    quantization: readText(metadata, "quantization"),
    prefixes: digest.test(prefixes) ? prefixes : undefined,
  };
}

function writeCount(key: string, count: number | undefined): Metadata {
  return count === undefined ? {} : { [key]: String(Math.max(0, Math.trunc(count))) };
}

function readCount(text = ""): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function readShare(text = ""): number | undefined {
  return /^(?:0(?:\.\d{1,2})?|1(?:\.0{1,2})?)$/.test(text) ? Number(text) : undefined;
}
