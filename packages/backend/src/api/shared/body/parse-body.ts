import type { z } from "zod";
import { nearestName } from "../../../text/nearest-name.ts";
import { invalidRequest, type ApiError } from "../api-error.ts";
import { describeValue, shortName } from "../../../text/describe-value.ts";
import type { FieldsOf, JsonMap } from "./fields.ts";
import type { UnsupportedParameters } from "../../openai/parameters/unsupported-parameters.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** What a body may have, and which known parameters are refused by name. */
export interface BodyRules<Body> {
  readonly schema: z.ZodObject<FieldsOf<Body>, z.core.$strict>;
  readonly unsupported?: UnsupportedParameters;
  /** What parameters have to do with each other, as JSON Schemas, for the document: the operations check it. */
  readonly conditions?: readonly JsonMap[];
}

/** `["messages", 2, "content", 0]` → `messages[2].content[0]`. */
function formatPath(path: Path): string {
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

/** Follows a union into the branch that understood most of the value. */
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

function unknownParameter(
  name: string,
  rules: { readonly known: readonly string[]; readonly path?: Path },
): ApiError {
  const param = formatPath([...(rules.path ?? []), name]);
  const near = nearestName(shortName(name), rules.known);
  const hint = near === undefined ? "" : `; did you mean \`${near}\`?`;
  return invalidRequest(`Unknown parameter: \`${param}\`${hint}`, { code: "unknown_parameter", param });
}

function issueToError(body: unknown, first: Issue): ApiError {
  const { issue, path } = deepestIssue(first);
  if (issue.code === "unrecognized_keys") {
    return unknownParameter(issue.keys[0] ?? "", { known: [], path });
  }
  // A part of a message is at fault as a whole when its type is.
  const isPartType = path.at(-1) === "type" && path.at(-3) === "content";
  const param = formatPath(isPartType ? path.slice(0, -1) : path);
  const found = valueAt(body, path);
  if (found === undefined) {
    return invalidRequest(
      `Missing required parameter: \`${param}\` must be ${issue.message}; found nothing`,
      {
        code: "missing_required_parameter",
        param,
      },
    );
  }
  const code = isPartType
    ? "unsupported_content"
    : issue.code === "invalid_type"
      ? "invalid_type"
      : "invalid_value";
  return invalidRequest(
    `Invalid value for \`${param}\`: expected ${issue.message}; found ${describeValue(found)}`,
    {
      code,
      param,
    },
  );
}

/**
 * Checks a request body: unknown and unsupported parameters are refused by name, `null` is the same as absent.
 * @throws ApiError 400
 */
export function parseBody<Body>(body: unknown, rules: BodyRules<Body>): Body {
  const { schema, unsupported } = rules;
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalidRequest(`The request body must be a JSON object; found ${describeValue(body)}`, {
      code: "invalid_type",
    });
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
      throw unknownParameter(name, { known: [...Object.keys(schema.shape), ...(unsupported?.keys() ?? [])] });
    }
    if (known.neutral?.accepts(value) === true) continue;
    const hint = known.hint === undefined ? "" : `: ${known.hint}`;
    throw invalidRequest(
      `Unsupported parameter: \`${name}\` is not supported${hint}; found ${describeValue(value)}`,
      {
        code: "unsupported_parameter",
        param: name,
      },
    );
  }
  const result = schema.safeParse(present);
  if (result.success) return result.data as Body;
  const [first] = result.error.issues;
  throw first === undefined ? invalidRequest("The request body is not valid") : issueToError(present, first);
}
