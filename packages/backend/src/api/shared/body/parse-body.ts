import type { z } from "zod";
import { describeValue, shortName } from "../../../text/describe-value.ts";
import { nearestName } from "../../../text/nearest-name.ts";
import { ApiError, invalidValue } from "../api-error.ts";
import type { JsonMap } from "../json-schema.ts";
import type { FieldsOf } from "./fields.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** A value that asks for nothing, so that leaving it out changes nothing. */
export interface NeutralValue {
  accepts(value: unknown): boolean;
  /** The same as a JSON Schema. */
  readonly schema: JsonMap;
}

/**
 * A parameter that clients of other servers send and that would change the answer. It is rejected by name, except
 * with a value that asks for nothing.
 */
export interface UnsupportedParameter {
  readonly neutral?: NeutralValue;
  /** What to do instead. */
  readonly hint?: string;
  /** A lenient server may leave it out: the answer keeps the form that was asked for. [false] */
  readonly isIgnorable?: boolean;
}

/** What a body may have, and which known parameters are rejected by name. */
export interface BodyRules<Body> {
  readonly schema: z.ZodObject<FieldsOf<Body>, z.core.$strict>;
  readonly unsupported?: ReadonlyMap<string, UnsupportedParameter>;
  /** How parameters depend on each other, as JSON Schemas, for the document only: the codecs check it. */
  readonly conditions?: readonly JsonMap[];
}

/** `["messages", 2, "content", 0]` → `messages[2].content[0]`. */
export function formatPath(path: Path): string {
  return path
    .map((key, index) =>
      typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${shortName(String(key))}`,
    )
    .join("");
}

function valueAt(body: unknown, path: Path): unknown {
  let value = body;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** Follows a union into the branch that matched most of the value. */
function deepestIssue(issue: Issue): { readonly issue: Issue; readonly path: Path } {
  if (issue.code !== "invalid_union") return { issue, path: issue.path };
  const inner = issue.errors
    .map(([first]) => first)
    .filter((first) => first !== undefined)
    .map(deepestIssue)
    .sort((a, b) => b.path.length - a.path.length)[0];
  if (inner === undefined || inner.path.length === 0) return { issue, path: issue.path };
  return { issue: inner.issue, path: [...issue.path, ...inner.path] };
}

/** Creates the 400 for a parameter that does not exist; suggests the nearest known one. */
export function unknownParameter(path: Path, known: readonly string[] = []): ApiError {
  const param = formatPath(path);
  const near = nearestName(shortName(String(path.at(-1))), known);
  const hint = near === undefined ? "" : `; did you mean \`${near}\`?`;
  return new ApiError("unknown_parameter", `Unknown parameter: \`${param}\`${hint}`, { param });
}

function issueToError(body: unknown, first: Issue): ApiError {
  const { issue, path } = deepestIssue(first);
  if (issue.code === "unrecognized_keys") return unknownParameter([...path, issue.keys[0] ?? ""]);
  // A part of a message is at fault as a whole when its type is.
  const isPartType = path.at(-1) === "type" && path.at(-3) === "content";
  const param = formatPath(isPartType ? path.slice(0, -1) : path);
  const got = valueAt(body, path);
  if (got === undefined) {
    const message = `Missing required parameter: expected \`${param}\` to be ${issue.message}, got nothing`;
    return new ApiError("missing_required_parameter", message, { param });
  }
  const ownCode = issue.code === "invalid_type" ? "invalid_type" : "invalid_value";
  return invalidValue(param, issue.message, { got, code: isPartType ? "unsupported_content" : ownCode });
}

/** The names in a body that a lenient server leaves out: those that are unknown or ignorable, and not `null`. */
export function findIgnorable<Body>(
  body: unknown,
  { schema, unsupported }: BodyRules<Body>,
): readonly string[] {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return [];
  return Object.entries(body)
    .filter(([name, value]) => {
      if (value === null || Object.hasOwn(schema.shape, name)) return false;
      const known = unsupported?.get(name);
      return known === undefined || (known.isIgnorable === true && known.neutral?.accepts(value) !== true);
    })
    .map(([name]) => name);
}

/**
 * Checks a request body: unknown and unsupported parameters are rejected by name, `null` is the same as absent.
 * @throws ApiError 400
 */
export function parseBody<Body>(body: unknown, rules: BodyRules<Body>): Body {
  const { schema, unsupported } = rules;
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    const message = `Invalid request body: expected a JSON object, got ${describeValue(body)}`;
    throw new ApiError("invalid_type", message);
  }
  const present: Record<string, unknown> = {};
  for (const name of Object.keys(body)) {
    const value: unknown = (body as Record<string, unknown>)[name];
    if (value === null) continue;
    if (Object.hasOwn(schema.shape, name)) {
      present[name] = value;
      continue;
    }
    const known = unsupported?.get(name);
    if (known === undefined) {
      throw unknownParameter([name], [...Object.keys(schema.shape), ...(unsupported?.keys() ?? [])]);
    }
    if (known.neutral?.accepts(value) === true) continue;
    const hint = known.hint === undefined ? "" : `: ${known.hint}`;
    const message = `Unsupported parameter: \`${name}\` is not supported${hint}; got ${describeValue(value)}`;
    throw new ApiError("unsupported_parameter", message, { param: name });
  }
  const result = schema.safeParse(present);
  if (result.success) return result.data as Body;
  const [first] = result.error.issues;
  throw first === undefined
    ? new ApiError("invalid_value", "The request body is not valid")
    : issueToError(present, first);
}
