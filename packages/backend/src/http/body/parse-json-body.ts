import { invalidJson } from "../../api/shared/api-error.ts";
import { assertJsonSize } from "../../api/shared/body/json-size.ts";
import { keepJsonText } from "../../api/shared/body/json-text.ts";
import { formatPath, unknownParameter } from "../../api/shared/body/parse-body.ts";
import type { ExactFields } from "../../api/shared/wire-format.ts";
import { locateJsonError } from "../../text/locate-json-error.ts";
import { memberText } from "../../text/member-text.ts";

interface Place {
  readonly value: object;
  readonly key: string | number | undefined;
  readonly parent: Place | undefined;
}

function pathOf(place: Place | undefined, key: string | number): readonly (string | number)[] {
  const keys: (string | number)[] = [key];
  for (let at = place; at?.key !== undefined; at = at.parent) keys.push(at.key);
  return keys.toReversed();
}

const halfPair = "half of a surrogate pair";
/** Half of a surrogate pair: UTF-8 cannot express it, and tokenizers do not accept it. */
const loneSurrogate = /\p{Surrogate}/u;

/** Checks every value once, without recursion. */
function assertHarmless(body: object, hasSurrogateEscapes: boolean): void {
  const open: Place[] = [{ value: body, key: undefined, parent: undefined }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { value: container } = place;
    const visit = (key: string | number, value: unknown): void => {
      if (typeof value === "object" && value !== null) {
        open.push({ value, key, parent: place });
      } else if (hasSurrogateEscapes && typeof value === "string" && loneSurrogate.test(value)) {
        throw invalidJson("Unicode text", halfPair, formatPath(pathOf(place, key)));
      }
    };
    if (Array.isArray(container)) {
      for (let index = 0; index < container.length; index += 1) visit(index, container[index]);
      continue;
    }
    for (const name of Object.keys(container)) {
      if (name === "__proto__") throw unknownParameter(pathOf(place, name));
      if (hasSurrogateEscapes && loneSurrogate.test(name)) {
        throw invalidJson("keys of Unicode text", halfPair);
      }
      visit(name, (container as Record<string, unknown>)[name]);
    }
  }
}

const noFields: ExactFields = { texts: [], wideIntegers: [] };

/**
 * Reads a request body as JSON.
 * @throws ApiError 400 that says where it is not JSON, not UTF-8, too deep, too large, or not Unicode
 */
export function parseJsonBody(bytes: Buffer, exact: ExactFields = noFields): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalidJson("JSON in UTF-8", "bytes that are not UTF-8");
  }
  assertJsonSize(bytes);
  if (text.trim() === "") throw invalidJson("a JSON object", "an empty body");
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    const place = locateJsonError(text);
    if (place === undefined) throw invalidJson("JSON", "something else");
    const { position, line, column, expected, found } = place;
    throw invalidJson(`${expected} at line ${line}, column ${column} (position ${position})`, found);
  }
  const hasEscapes = text.includes("\\u");
  if (typeof body === "object" && body !== null && (hasEscapes || text.includes("__proto__"))) {
    assertHarmless(body, hasEscapes && /\\u[dD][89a-fA-F]/.test(text));
  }
  if (typeof body === "object" && body !== null) {
    const { texts, arrayTexts = [] } = exact;
    keepTexts(body as Record<string, unknown>, text, { names: texts, isWanted: isMap });
    keepTexts(body as Record<string, unknown>, text, { names: arrayTexts, isWanted: Array.isArray });
    keepDigits(body as Record<string, unknown>, text, exact.wideIntegers);
  }
  return body;
}

function isMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface KeptFields {
  readonly names: readonly string[];
  readonly isWanted: (value: unknown) => boolean;
}

/** Replaces values that are handed on as text by their text. */
function keepTexts(body: Record<string, unknown>, text: string, { names, isWanted }: KeptFields): void {
  for (const name of names) {
    const value = Object.hasOwn(body, name) ? body[name] : undefined;
    if (!isWanted(value)) continue;
    body[name] = keepJsonText(memberText(text, name) ?? JSON.stringify(value));
  }
}

/** Of at most as many digits as the largest double has. */
const plainInteger = /^-?\d{1,309}$/;

/** A double has 53 bits: an integer that has more is read again from the text, as a `bigint`. */
function keepDigits(body: Record<string, unknown>, text: string, names: readonly string[]): void {
  for (const name of names) {
    const value = Object.hasOwn(body, name) ? body[name] : undefined;
    if (!Number.isInteger(value) || Number.isSafeInteger(value)) continue;
    const digits = memberText(text, name);
    if (digits !== undefined && plainInteger.test(digits)) body[name] = BigInt(digits);
  }
}
