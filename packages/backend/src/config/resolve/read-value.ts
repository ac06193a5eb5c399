import { isAbsolute } from "node:path";
import type { ZodError } from "zod";
import { isRecord } from "../../is-record.ts";
import { describeValue } from "../../text/describe-value.ts";
import { absolutePath } from "./base-directory.ts";
import type { ConfigValue } from "./config-values.ts";
import type { Setting } from "../setting.ts";

/** Checks a value that was given for a setting; a wrong one is a problem and `undefined`. */
export type ReadValue = (setting: Setting, given: ConfigValue) => unknown;

/** Says which part is wrong, never with its value, which may be a secret; `undefined` where it is the whole. */
function describeIssue({ issues }: ZodError): string | undefined {
  const [issue] = issues;
  if (issue === undefined) return undefined;
  const path = issue.path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");
  const place = path === "" ? "" : `${path}: `;
  if (issue.code === "unrecognized_keys") return `${place}unknown key ${JSON.stringify(issue.keys[0])}`;
  if (issue.message === "Invalid input") return undefined;
  if (issue.code === "custom") return `${place}expected ${issue.message}`;
  return path === "" ? undefined : place + issue.message.replace(/^Invalid input: /, "");
}

/** Creates a reader that reports each wrong value once, however many models it is for. */
export function createValueReader(problems: string[]): ReadValue {
  const read = new Map<ConfigValue, unknown>();
  const check = (setting: Setting, given: ConfigValue): unknown => {
    const refuse = (expected: string): undefined => {
      problems.push(`${given.where}: expected ${expected}, got ${describeValue(given.value)}`);
    };
    const parsed = setting.kind.schema.safeParse(given.value);
    if (!parsed.success) {
      const part = setting.kind.isStructured === true ? describeIssue(parsed.error) : undefined;
      if (part === undefined) return refuse(setting.kind.expected);
      problems.push(`${given.where}: ${part}`);
      return undefined;
    }
    const { data } = parsed;
    const toAbsolute = (path: string): string | undefined =>
      given.baseDirectory === undefined && !isAbsolute(path)
        ? refuse("an absolute path, since the working directory was deleted")
        : absolutePath(given.baseDirectory, path);
    if (setting.isPath === true && isRecord(data)) {
      const paths = Object.entries(data).map(([name, path]) => [name, toAbsolute(String(path))]);
      return Object.freeze(Object.fromEntries(paths));
    }
    if (setting.isPath !== true || typeof data !== "string" || data === setting.default) {
      return Array.isArray(data) ? Object.freeze(data) : data;
    }
    return toAbsolute(data);
  };
  return (setting, given) => {
    if (!read.has(given)) read.set(given, check(setting, given));
    return read.get(given);
  };
}
