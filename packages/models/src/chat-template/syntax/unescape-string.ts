const plain: ReadonlyMap<string, string> = new Map([
  ["\n", ""],
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"'],
  ["a", "\u0007"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
]);
const widths: ReadonlyMap<string, number> = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
]);
const lastCodePoint = 0x10ffff;

/** Replaces the escapes of a Python string; unknown ones stay. `undefined` where one is incomplete. */
export function unescapeString(raw: string): string | undefined {
  let text = "";
  let from = 0;
  for (let at = raw.indexOf("\\"); at >= 0; at = raw.indexOf("\\", from)) {
    const letter = raw[at + 1] ?? "";
    text += raw.slice(from, at);
    const octal = /^[0-7]{1,3}/.exec(raw.slice(at + 1, at + 4))?.[0];
    const width = widths.get(letter);
    if (octal !== undefined) {
      text += String.fromCodePoint(Number.parseInt(octal, 8));
      from = at + 1 + octal.length;
    } else if (width !== undefined) {
      const digits = raw.slice(at + 2, at + 2 + width);
      const point =
        /^[\da-fA-F]+$/.test(digits) && digits.length === width ? Number.parseInt(digits, 16) : Infinity;
      if (point > lastCodePoint) return undefined;
      text += String.fromCodePoint(point);
      from = at + 2 + width;
    } else if (letter === "N" || letter === "") {
      return undefined;
    } else {
      text += plain.get(letter) ?? `\\${letter}`;
      from = at + 2;
    }
  }
  return text + raw.slice(from);
}
