import { invalidRequest, type ApiError } from "../api/shared/api-error.ts";
import { jsonTextFields, keepJsonText } from "../api/shared/body/json-text.ts";
import { shortName } from "../text/describe-value.ts";
import { assertJsonSize } from "../api/shared/body/json-size.ts";
import { locateJsonError } from "../text/locate-json-error.ts";
import { memberText } from "./member-text.ts";

interface Place {
  readonly value: object;
  readonly key: string | number | undefined;
  readonly parent: Place | undefined;
}

function pathOf(place: Place | undefined, key: string | number): string {
  const keys: (string | number)[] = [key];
  for (let at = place; at?.key !== undefined; at = at.parent) keys.push(at.key);
  return keys
    .toReversed()
    .map((each, index) =>
      typeof each === "number" ? `[${each}]` : `${index === 0 ? "" : "."}${shortName(each)}`,
    )
    .join("");
}

function malformed(message: string, param?: string): ApiError {
  return invalidRequest(message, { code: "invalid_json", param });
}

/** A lone half of a surrogate pair: no UTF-8 can carry it, and no tokenizer takes it. */
const loneSurrogate = /\p{Surrogate}/u;

/** Looks at every value once, without recursion. */
function assertHarmless(body: object, hasSurrogateEscapes: boolean): void {
  const open: Place[] = [{ value: body, key: undefined, parent: undefined }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { value: container } = place;
    const visit = (key: string | number, value: unknown): void => {
      if (typeof value === "object" && value !== null) {
        open.push({ value, key, parent: place });
      } else if (hasSurrogateEscapes && typeof value === "string" && loneSurrogate.test(value)) {
        const param = pathOf(place, key);
        throw malformed(`\`${param}\` must be Unicode text; found half of a surrogate pair`, param);
      }
    };
    if (Array.isArray(container)) {
      for (let index = 0; index < container.length; index += 1) visit(index, container[index]);
      continue;
    }
    for (const name of Object.keys(container)) {
      const param = (): string => pathOf(place, name);
      if (name === "__proto__") {
        throw invalidRequest(`Unknown parameter: \`${param()}\``, {
          code: "unknown_parameter",
          param: param(),
        });
      }
      if (hasSurrogateEscapes && loneSurrogate.test(name)) {
        throw malformed("Every key must be Unicode text; found half of a surrogate pair");
      }
      visit(name, (container as Record<string, unknown>)[name]);
    }
  }
}

/**
 * Reads a request body as JSON. Objects of `jsonTextFields` come as their text (`jsonTextOf`).
 * @throws ApiError 400 that says where it is not JSON, not UTF-8, too deep, of too many parts, or not Unicode
 */
export function parseJsonBody(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed("The body must be JSON in UTF-8; found bytes that are no UTF-8");
  }
  assertJsonSize(bytes);
  if (text.trim() === "") throw malformed("The body must be a JSON object; found an empty body");
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    const place = locateJsonError(text);
    if (place === undefined) throw malformed("The body must be JSON");
    const { position, line, column, expected, found } = place;
    throw malformed(
      `The body must be JSON: expected ${expected} at line ${line}, column ${column} (position ${position}); found ${found}`,
    );
  }
  const hasEscapes = text.includes("\\u");
  if (typeof body === "object" && body !== null && (hasEscapes || text.includes("__proto__"))) {
    assertHarmless(body, hasEscapes && /\\u[dD][89a-fA-F]/.test(text));
  }
  if (typeof body === "object" && body !== null) {
    keepTexts(body as Record<string, unknown>, text);
    keepDigits(body as Record<string, unknown>, text);
  }
  return body;
}

/** Puts the text in the place of objects that are handed on as text. */
function keepTexts(body: Record<string, unknown>, text: string): void {
  for (const name of jsonTextFields) {
    const value = Object.hasOwn(body, name) ? body[name] : undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
    body[name] = keepJsonText(memberText(text, name) ?? JSON.stringify(value));
  }
}

/** Parameters that may be integers of 64 bits. */
const wideIntegers: readonly string[] = ["seed"];
/** Of at most as many digits as the largest double has. */
const plainInteger = /^-?\d{1,309}$/;

/** A double has 53 bits: an integer that has more is read once more from the text, as a `bigint`. */
function keepDigits(body: Record<string, unknown>, text: string): void {
  for (const name of wideIntegers) {
    const value = Object.hasOwn(body, name) ? body[name] : undefined;
    if (!Number.isInteger(value) || Number.isSafeInteger(value)) continue;
    const digits = memberText(text, name);
    if (digits !== undefined && plainInteger.test(digits)) body[name] = BigInt(digits);
  }
}
