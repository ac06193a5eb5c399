/** Metadata of a registration: short texts by key. */
export type Metadata = Readonly<Record<string, string>>;

/** Consul's limit of a value. */
const valueLength = 512;
/** A longer text goes on in `<key>-2`, `<key>-3`, … up to here. */
const maxParts = 16;

/** Writes a text, percent-encoded; a longer one goes on in further keys. Nothing if it is absent or too long. */
export function writeText(key: string, text: string | undefined): Metadata {
  const encoded = encodeURIComponent(text ?? "");
  return encoded === "" || encoded.length > maxParts * valueLength ? {} : cut(key, encoded);
}

/** Reads what `writeText` wrote; `undefined` if it is absent or not so. */
export function readText(metadata: Metadata, key: string): string | undefined {
  return decode(join(metadata, key));
}

/**
 * Writes words, percent-encoded, with commas between them. Those that do not fit any more are left out, and
 * `<key>-omitted` is their number.
 */
export function writeWords(key: string, words: readonly string[]): Metadata {
  let joined = "";
  let omitted = 0;
  for (const word of words) {
    const next = joined + (joined === "" ? "" : ",") + encodeURIComponent(word);
    if (word !== "" && omitted === 0 && next.length <= maxParts * valueLength) joined = next;
    else omitted += 1;
  }
  const written = joined === "" ? {} : cut(key, joined);
  return omitted === 0 ? written : { ...written, [`${key}-omitted`]: String(omitted) };
}

/** Reads what `writeWords` wrote, without words that are not so. */
export function readWords(metadata: Metadata, key: string): readonly string[] {
  return join(metadata, key)
    .split(",")
    .flatMap((word) => decode(word) ?? []);
}

function cut(key: string, text: string): Metadata {
  const parts: Record<string, string> = {};
  for (let start = 0; start < text.length; start += valueLength) {
    const number = start / valueLength + 1;
    parts[number === 1 ? key : `${key}-${number}`] = text.slice(start, start + valueLength);
  }
  return parts;
}

function join(metadata: Metadata, key: string): string {
  let text = (metadata[key] ?? "").slice(0, valueLength);
  for (let number = 2; number <= maxParts; number += 1) {
    const part = metadata[`${key}-${number}`] ?? "";
    if (part === "") break;
    text += part.slice(0, valueLength);
  }
  return text;
}

function decode(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
