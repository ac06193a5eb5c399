/** The end of a value that is not a string, array or object. */
const scalarEnd = /[,\]}\s]/g;

/**
 * Finds the text of a top-level member's value in the JSON text of an object, which must be valid. Of several members
 * with one name it is the last one, as in `JSON.parse`.
 */
export function memberText(json: string, name: string): string | undefined {
  let found: string | undefined;
  let at = skipSpace(json, skipSpace(json, 0) + 1);
  while (json[at] === '"') {
    const keyEnd = stringEnd(json, at);
    const isWanted = (JSON.parse(json.slice(at, keyEnd)) as string) === name;
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const end = valueEnd(json, start);
    if (isWanted) found = json.slice(start, end);
    at = skipSpace(json, end);
    if (json[at] === ",") at = skipSpace(json, at + 1);
  }
  return found;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  for (let code = json.charCodeAt(at); code === 32 || code === 10 || code === 13 || code === 9;) {
    at += 1;
    code = json.charCodeAt(at);
  }
  return at;
}

/** The position after the string that starts here. */
function stringEnd(json: string, start: number): number {
  for (let at = json.indexOf('"', start + 1); at >= 0; at = json.indexOf('"', at + 1)) {
    let slash = at - 1;
    while (json[slash] === "\\") slash -= 1;
    if ((at - slash) % 2 === 1) return at + 1;
  }
  return json.length;
}

function valueEnd(json: string, start: number): number {
  const first = json[start];
  if (first === '"') return stringEnd(json, start);
  if (first !== "{" && first !== "[") {
    scalarEnd.lastIndex = start;
    return scalarEnd.exec(json)?.index ?? json.length;
  }
  let depth = 0;
  for (let at = start; at < json.length;) {
    const sign = json[at];
    if (sign === '"') {
      at = stringEnd(json, at);
      continue;
    }
    at += 1;
    if (sign === "{" || sign === "[") depth += 1;
    else if ((sign === "}" || sign === "]") && (depth -= 1) === 0) return at;
  }
  return json.length;
}

/** Finds the texts of the elements in the JSON text of an array, which must be valid. */
export function elementTexts(json: string): readonly string[] {
  const texts: string[] = [];
  let at = skipSpace(json, skipSpace(json, 0) + 1);
  while (at < json.length && json[at] !== "]") {
    const end = valueEnd(json, at);
    texts.push(json.slice(at, end));
    at = skipSpace(json, end);
    if (json[at] === ",") at = skipSpace(json, at + 1);
  }
  return texts;
}
