import { z } from "zod";
import { expectedSecretReference, isSecretReference } from "../secrets/resolve-secret.ts";
import { policyNames } from "./routing-rule.ts";
import { modelName, parseNamedTexts, webAddress, type SettingKind } from "./setting-kinds.ts";

/** JSON as its value; anything else unchanged, for the schema to reject. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const pattern = z.string().min(1).max(256);
/** One pattern, or several. */
const patterns = z.preprocess(
  (value) => (typeof value === "string" ? [value] : value),
  z.array(pattern).min(1).max(64).readonly(),
);
const bound = z.number().min(0).optional();
const range = z
  .strictObject({ min: bound, max: bound })
  .refine(({ min = 0, max = Infinity }) => min <= max, { message: "min and max in this order" })
  .readonly();
const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/);

const rule = z
  .strictObject({
    name: z.string().trim().min(1).max(64),
    priority: z.int().min(-1000).max(1000).default(0),
    when: z
      .strictObject({
        model: patterns.optional(),
        key: patterns.optional(),
        headers: z.record(headerName, pattern).optional(),
        promptCharacters: range.optional(),
        load: range.optional(),
      })
      .readonly()
      .default({}),
    model: z.string().trim().min(1).max(512).optional(),
    backends: patterns.optional(),
    policy: z.enum(policyNames).optional(),
  })
  .readonly();

/** A list of routing rules. */
export function routingRules(): SettingKind {
  const hasOwnNames = (rules: readonly { readonly name: string }[]): boolean =>
    new Set(rules.map(({ name }) => name)).size === rules.length;
  return {
    expected: "at most 256 rules, each with a name of its own",
    schema: z
      .array(rule)
      .max(256)
      .refine(hasOwnNames, { message: "a name of its own for each rule" })
      .readonly(),
    fromText: fromJson,
    argument: "<json>",
    isStructured: true,
  };
}

/** Weights of backends by a pattern of their ids; in text, `pattern=weight` separated by commas. */
export function backendWeights(): SettingKind {
  const weights = z.record(pattern, z.number().gt(0).max(1000));
  const parse = (text: string): unknown => {
    const pairs = text.split(",").map((each) => /^([^=]+)=\s*(\d+(?:\.\d+)?)$/.exec(each.trim()));
    if (pairs.includes(null)) return text;
    return Object.fromEntries(pairs.flatMap((pair) => (pair === null ? [] : [[pair[1], Number(pair[2])]])));
  };
  return {
    expected: "at most 1024 weights above 0 and at most 1000 by id of a backend, such as a=2 or gpu-*=4",
    schema: weights.refine((value) => Object.keys(value).length <= 1024).readonly(),
    fromText: parse,
    argument: "<id=weight>",
    isStructured: true,
  };
}

/** A number from 1, for factors. */
export function factor(max: number): SettingKind {
  return {
    expected: `a number from 1 to ${max}`,
    schema: z.number().min(1).max(max),
    fromText: (text) => (/^\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : text),
    argument: "<factor>",
  };
}

/** Backends by name, each a URL or an object with one; in text, `name=url` separated by commas. */
export function namedBackends(): SettingKind {
  const backend = z.preprocess(
    (value) => (typeof value === "string" ? { url: value } : value),
    z
      .strictObject({
        url: webAddress().schema,
        apiKey: z.string().trim().refine(isSecretReference, { message: expectedSecretReference }).optional(),
        models: z.array(modelName().schema).min(1).max(1024).readonly().optional(),
      })
      .readonly(),
  );
  const backends = z.record(modelName().schema as z.ZodType<string>, backend);
  return {
    expected: "at most 1024 URLs of servers by name, such as a=http://127.0.0.1:8001",
    schema: backends.refine((value) => Object.keys(value).length <= 1024).readonly(),
    fromText: parseNamedTexts,
    argument: "<name=url>",
    isStructured: true,
  };
}
