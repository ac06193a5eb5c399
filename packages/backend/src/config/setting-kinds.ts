import { isIP } from "node:net";
import { z } from "zod";
import { expectedModelId, isModelId } from "./model-id.ts";
import { parseHost } from "../text/parse-host.ts";

/** A kind of value: its schema, and how it is parsed from text. */
export interface SettingKind {
  /** Completes "expected …". */
  readonly expected: string;
  readonly schema: z.ZodType;
  /** Parses the text of a variable or flag; returns the text itself if it is not valid, for the schema to reject. */
  readonly fromText: (text: string) => unknown;
  /** What stands for the value in the help of the flag, such as `<number>`. */
  readonly argument: string;
  /** It has parts: errors name the one that is wrong. */
  readonly isStructured?: boolean;
}

function numberFromText(text: string): unknown {
  return /^[+-]?\d+$/.test(text.trim()) ? Number(text) : text;
}

/** An integer in a closed range. */
export function integer(min: number, max: number): SettingKind {
  return {
    expected: `an integer from ${min} to ${max}`,
    schema: z.int().min(min).max(max),
    fromText: numberFromText,
    argument: "<number>",
  };
}

const unitBytes: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Reads `1048576`, `512MiB` or `1.5 GB`; returns anything else unchanged. */
function parseBytes(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value.trim());
  const factor = unitBytes[(match?.[2] || "b").toLowerCase()];
  if (match === null || factor === undefined) return value;
  return Math.round(Number(match[1]) * factor);
}

/** A size in bytes, with an optional unit. */
export function bytes(min: number): SettingKind {
  return {
    expected: `a size of at least ${min} bytes, such as 1048576, 512MiB or 2GB`,
    schema: z.preprocess(parseBytes, z.int().min(min).max(Number.MAX_SAFE_INTEGER)),
    fromText: (text) => text,
    argument: "<size>",
  };
}

/** A time in milliseconds. */
export function milliseconds(min: number): SettingKind {
  const max = 2 ** 31 - 1;
  return {
    expected: `milliseconds from ${min} to ${max}`,
    schema: z.int().min(min).max(max),
    fromText: numberFromText,
    argument: "<ms>",
  };
}

/** A part of a whole. */
export function share(): SettingKind {
  return {
    expected: "a number above 0 and at most 1, such as 0.9",
    schema: z.number().gt(0).max(1),
    fromText: (text) => (/^\d*\.?\d+$/.test(text.trim()) ? Number(text) : text),
    argument: "<share>",
  };
}

/** A number of a GPU, also as a number in a file, or the UUID of one. */
export function gpuName(): SettingKind {
  const fromNumber = (value: unknown): unknown => (Number.isInteger(value) ? String(value) : value);
  return {
    expected: "the number of a GPU, or its UUID (GPU-… or MIG-…) or the beginning of that",
    schema: z.preprocess(
      fromNumber,
      z
        .string()
        .trim()
        .regex(/^(?:\d{1,4}|(?:GPU|MIG)-[0-9a-fA-F-]{1,64})$/),
    ),
    fromText: (text) => text,
    argument: "<gpu>",
  };
}

/** One of several words. */
export function choice(values: readonly [string, ...string[]]): SettingKind {
  return {
    expected: `one of ${values.join(", ")}`,
    schema: z.enum(values),
    fromText: (text) => text,
    argument: `<${values.length > 4 ? "choice" : values.join("|")}>`,
  };
}

/** `true` or `false`; the flag alone is `true`. */
export function toggle(): SettingKind {
  return {
    expected: "true or false",
    schema: z.boolean(),
    fromText: (value) => (value === "true" || value === "false" ? value === "true" : value),
    argument: "[boolean]",
  };
}

/** A text that is not empty. */
export function text(expected: string, argument: string): SettingKind {
  return {
    expected,
    schema: z.string().trim().min(1).max(4096),
    fromText: (value) => value,
    argument,
  };
}

/** A model's id. */
export function modelName(): SettingKind {
  return {
    expected: expectedModelId,
    schema: z.string().trim().refine(isModelId),
    fromText: (value) => value,
    argument: "<name>",
  };
}

/** A list of names of a model. */
export function modelNames(): SettingKind {
  const kind = list(`a list of at most 64 names, each ${expectedModelId}`, "<names>");
  return { ...kind, schema: z.array(modelName().schema).max(64) };
}

/** An address or name to listen on; an IPv6 address with or without the brackets that it has in a URL. */
export function address(): SettingKind {
  const kind = text("an address or host name", "<address>");
  const withoutBrackets = (value: unknown): unknown => {
    const inner = typeof value === "string" ? /^\[(.*)\]$/.exec(value.trim())?.[1] : undefined;
    return inner !== undefined && isIP(inner) === 6 ? inner : value;
  };
  return { ...kind, schema: z.preprocess(withoutBrackets, kind.schema) };
}

/** The name of a service: one DNS label. */
export function serviceName(): SettingKind {
  return {
    expected: "a name of 1 to 63 of a-z 0-9 - without a hyphen at an end",
    schema: z
      .string()
      .trim()
      .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/),
    fromText: (value) => value,
    argument: "<name>",
  };
}

/** Tags of a service. */
export function tagNames(): SettingKind {
  const kind = list("a list of at most 32 tags of 1 to 255 characters without control characters", "<tags>");
  const tag = z
    .string()
    .trim()
    .min(1)
    .max(255)
    .regex(/^\P{Cc}*$/u);
  return { ...kind, schema: z.array(tag).max(32) };
}

/** The address of a server. */
export function webAddress(): SettingKind {
  const isPlain = (value: string): boolean => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
    return isWeb && `${url.username}${url.password}${url.search}${url.hash}` === "";
  };
  const expected = "an http or https URL without credentials, query and fragment";
  return {
    expected,
    schema: z.string().trim().max(4096).refine(isPlain, { message: expected }),
    fromText: (value) => value,
    argument: "<url>",
  };
}

/** A list of servers' origins. */
export function origins(): SettingKind {
  const expected = "a list of at most 256 http or https URLs without credentials, path, query and fragment";
  const isOrigin = (value: string): boolean => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    return url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  };
  const origin = z.string().trim().max(4096).refine(isOrigin, { message: expected });
  return { ...list(expected, "<urls>"), schema: z.array(origin).max(256) };
}

/** A list of host names, without ports. */
export function hostNames(): SettingKind {
  const kind = list("a list of host names without ports such as api.example, .example or *", "<names>");
  const isName = (name: string): boolean => {
    if (name === "*") return true;
    const host = parseHost(name.replace(/^\./, ""));
    return host?.port === "" && !/:\d*$/.test(name.replace(/^\[.*\]$/, ""));
  };
  const normalize = (name: string): string =>
    `${name.startsWith(".") ? "." : ""}${parseHost(name.replace(/^\./, ""))?.name ?? name}`;
  return {
    ...kind,
    schema: z.array(z.string().trim().refine(isName).transform(normalize)).max(1000),
  };
}

/** A list of texts; in text, separated by commas. */
export function list(expected: string, argument: string): SettingKind {
  return {
    expected,
    schema: z.array(z.string().trim().min(1)).max(1000),
    fromText: (value) =>
      value
        .split(",")
        .map((each) => each.trim())
        .filter((each) => each !== ""),
    argument,
  };
}

/** Reads `a=./x,b=./y` as an object; returns anything else unchanged. */
export function parseNamedTexts(text: string): unknown {
  const entries = text.split(",").map((each) => /^([^=]+)=(.+)$/.exec(each.trim()));
  const pairs = entries.flatMap((match) => (match === null ? [] : [[match[1]!.trim(), match[2]!.trim()]]));
  const isWhole =
    pairs.length === entries.length && new Set(pairs.map(([name]) => name)).size === pairs.length;
  return isWhole ? Object.fromEntries(pairs) : text;
}

/** Paths by name; in text, `name=path` separated by commas. */
export function namedPaths(): SettingKind {
  const paths = z.record(modelName().schema as z.ZodType<string>, z.string().trim().min(1).max(4096));
  return {
    expected: "at most 1024 directories by name, such as sql=./sql-lora",
    schema: paths.refine((value) => Object.keys(value).length <= 1024),
    fromText: parseNamedTexts,
    argument: "<name=directory>",
  };
}
