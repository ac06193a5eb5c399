const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Where the value of a member is, in bytes. */
export interface MemberRange {
  readonly start: number;
  readonly end: number;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

function skipSpace(json: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(json[at])) at += 1;
  return at;
}

/** The position after the string that starts here. */
function stringEnd(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== quote) at += json[at] === backslash ? 2 : 1;
  return at + 1;
}

/** The position after the value that starts here. */
function valueEnd(json: Uint8Array, start: number): number {
  let depth = 0;
  for (let at = start; at < json.length;) {
    const byte = json[at];
    if (byte === quote) {
      at = stringEnd(json, at);
      if (depth === 0) return at;
      continue;
    }
    const isClosing = byte === closeBrace || byte === closeBracket;
    if (depth === 0 && (isClosing || byte === comma || isSpace(byte))) return at;
    if (byte === openBrace || byte === openBracket) depth += 1;
    else if (isClosing && (depth -= 1) === 0) return at + 1;
    at += 1;
  }
  return json.length;
}

function readKey(json: Buffer, start: number, end: number): string | undefined {
  const text = json.toString("utf8", start, end);
  if (!text.includes("\\")) return text.slice(1, -1);
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * Finds the values of top-level members in a JSON object without parsing it. Of several members with one name it is the
 * last one, as in `JSON.parse`. Returns `undefined` for bytes that are no object as far as it reads them; values are
 * not checked.
 */
export function findMembers(
  json: Buffer,
  names: ReadonlySet<string>,
): ReadonlyMap<string, MemberRange> | undefined {
  const found = new Map<string, MemberRange>();
  let at = skipSpace(json, 0);
  if (json[at] !== openBrace) return undefined;
  at = skipSpace(json, at + 1);
  while (json[at] === quote) {
    const keyEnd = stringEnd(json, at);
    const key = readKey(json, at, keyEnd);
    at = skipSpace(json, keyEnd);
    if (key === undefined || json[at] !== colon) return undefined;
    const start = skipSpace(json, at + 1);
    const end = valueEnd(json, start);
    if (end === start || end > json.length) return undefined;
    if (names.has(key)) found.set(key, { start, end });
    at = skipSpace(json, end);
    if (json[at] === comma) at = skipSpace(json, at + 1);
  }
  return json[at] === closeBrace ? found : undefined;
}
