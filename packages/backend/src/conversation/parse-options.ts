import { z } from "zod";
import { EngineRequestError } from "../errors.ts";
import { shortName } from "../text/describe-value.ts";
import { nearestName } from "../text/nearest-name.ts";
import { invalidField } from "./rejections.ts";

function pathOf(path: readonly PropertyKey[], prefix: string): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === "number"
        ? `${text}[${key}]`
        : `${text}${text === "" ? "" : "."}${shortName(String(key))}`,
    prefix,
  );
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

/**
 * Checks what a program passes.
 * @param name what the value is called in errors; empty for options
 * @throws EngineRequestError `INVALID_REQUEST` with the field
 */
export function parseOptions<Value>(value: unknown, schema: z.ZodType<Value>, name = ""): Value {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  throw toRejection(value, result.error, { name, known });
}

function toRejection(
  value: unknown,
  { issues }: z.ZodError,
  { name, known }: { readonly name: string; readonly known: readonly string[] },
): EngineRequestError {
  const [issue] = issues;
  if (issue === undefined) return invalidField(name, "a valid value", value);
  if (issue.code !== "unrecognized_keys") {
    return invalidField(pathOf(issue.path, name) || "options", issue.message, valueAt(value, issue.path));
  }
  const [key = ""] = issue.keys;
  const param = pathOf([...issue.path, key], name);
  const near = issue.path.length === 0 ? nearestName(key, known) : undefined;
  const hint = near === undefined ? "" : `; did you mean \`${near}\`?`;
  return new EngineRequestError({
    code: "INVALID_REQUEST",
    message: `Unknown option: \`${param}\`${hint}`,
    param,
  });
}
