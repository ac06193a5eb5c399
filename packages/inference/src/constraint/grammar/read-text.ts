import type { PatternReader } from "../regex/pattern-reader.ts";

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** Reads a literal after its opening quote. */
export function readText(reader: PatternReader): string {
  const parts: string[] = [];
  while (!reader.skip('"')) {
    const plain = reader.match(/[^"\\\n]+/y);
    if (plain !== undefined) {
      parts.push(plain[0]);
      continue;
    }
    if (!reader.skip("\\")) reader.fail('a closing "');
    const hex = reader.match(/x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})/y);
    if (hex === undefined) {
      const character = reader.take();
      const isKnown = character in escapes || !/^[0-9A-Za-z]?$/.test(character);
      if (!isKnown) reader.fail("a known escape", `\\${character}`);
      parts.push(escapes[character] ?? character);
      continue;
    }
    const point = Number.parseInt(hex[1] ?? hex[2] ?? hex[3]!, 16);
    if (point > 0x10ffff) reader.fail("a code point up to 10ffff", hex[0]);
    parts.push(String.fromCodePoint(point));
  }
  const text = parts.join("");
  if (/\p{Surrogate}/u.test(text)) reader.unsupported("surrogates in pairs", "an unpaired surrogate");
  return text;
}
