import { choice, type Expression, literal, type Range, sequence } from "../program/expression.ts";
import { type CodePoints, intersectRanges } from "./code-points.ts";
import { encodeCodePoints } from "./utf8.ts";

/** The characters that a JSON string holds as they are. */
const plainCodePoints: CodePoints = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0xd7ff],
  [0xe000, 0x10ffff],
];

/** Control characters, the quote and the backslash. */
const escapedCodePoints: readonly number[] = [...Array.from({ length: 32 }, (_, point) => point), 0x22, 0x5c];

const shortEscapes = new Map([
  [0x22, '\\"'],
  [0x5c, "\\\\"],
  [0x08, "\\b"],
  [0x0c, "\\f"],
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x09, "\\t"],
]);

/** One character of a set within a JSON string: as it is, or escaped in one way where it must be. */
export function encodeJsonCharacters(points: CodePoints): Expression {
  const plain = intersectRanges(points, plainCodePoints);
  const escaped = escapedCodePoints.filter((point) =>
    points.some(([low, high]) => low <= point && point <= high),
  );
  const options: Expression[] = plain.length === 0 ? [] : [encodeCodePoints(plain)];
  if (escaped.length > 0) {
    const encoder = new TextEncoder();
    options.push({ kind: "literals", texts: escaped.map((point) => encoder.encode(escapeOf(point))) });
  }
  return choice(...options);
}

function escapeOf(point: number): string {
  return shortEscapes.get(point) ?? `\\u${point.toString(16).padStart(4, "0")}`;
}

/** Any one character within a JSON string, with every escape that JSON has; surrogates only in pairs. */
export function anyJsonCharacter(): Expression {
  const digit = bytes("09", "af", "AF");
  const pair = (first: Expression, second: Expression): Expression =>
    sequence(bytes("dd", "DD"), first, digit, digit, literal("\\u"), bytes("dd", "DD"), second, digit, digit);
  return choice(
    encodeCodePoints(plainCodePoints),
    sequence(
      literal("\\"),
      choice(
        bytes('""', "\\\\", "//", "bb", "ff", "nn", "rr", "tt"),
        sequence(
          literal("u"),
          choice(
            sequence(bytes("09", "ac", "AC", "ef", "EF"), digit, digit, digit),
            sequence(bytes("dd", "DD"), bytes("07"), digit, digit),
            pair(bytes("89", "ab", "AB"), bytes("cf", "CF")),
          ),
        ),
      ),
    ),
  );
}

/** One byte of ranges written as pairs of characters. */
function bytes(...pairs: readonly string[]): Expression {
  return {
    kind: "bytes",
    ranges: pairs.map((pair): Range => [pair.charCodeAt(0), pair.charCodeAt(1)]),
  };
}
