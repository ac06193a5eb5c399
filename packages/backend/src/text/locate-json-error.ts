/** The first position at which a text is not valid JSON. */
export interface JsonErrorLocation {
  /** UTF-16 units from the start. */
  readonly position: number;
  readonly line: number;
  readonly column: number;
  readonly expected: string;
  readonly found: string;
}

type State = "value" | "value-or-end" | "key" | "key-or-end" | "colon" | "comma-or-end" | "done";

const expectedIn: Readonly<Record<State, string>> = {
  value: "a value",
  "value-or-end": "a value or `]`",
  key: "a key in double quotes",
  "key-or-end": "a key in double quotes or `}`",
  colon: "`:`",
  "comma-or-end": "`,` or the end of the array or object",
  done: "the end of the text",
};

const stringRest = "the rest of a string";

type Scan = { readonly end: number } | { readonly errorAt: number };

const scalar = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

function matchAt(pattern: RegExp, text: string, position: number): number {
  pattern.lastIndex = position;
  return pattern.test(text) ? pattern.lastIndex : -1;
}

function skipSpace(text: string, start: number): number {
  let position = start;
  while (" \t\n\r".includes(text[position] ?? "x")) position += 1;
  return position;
}

/** Finds the end of a string, or its first error. A loop, because a regular expression would overflow the stack. */
function scanString(text: string, start: number): Scan {
  let position = start + 1;
  for (;;) {
    const code = text.charCodeAt(position);
    if (code === 0x22) return { end: position + 1 };
    if (Number.isNaN(code) || code < 0x20) return { errorAt: position };
    if (code === 0x5c) {
      const end = matchAt(escape, text, position);
      if (end < 0) return { errorAt: position };
      position = end;
    } else {
      position += 1;
    }
  }
}

function scanScalar(text: string, start: number): Scan {
  const end = matchAt(scalar, text, start);
  return end < 0 ? { errorAt: start } : { end };
}

function createLocation(text: string, position: number, expected: string): JsonErrorLocation {
  const before = text.slice(0, position);
  const line = before.split("\n").length;
  const column = position - before.lastIndexOf("\n");
  const character = text.codePointAt(position);
  const found =
    character === undefined ? "the end of the text" : JSON.stringify(String.fromCodePoint(character));
  return { position, line, column, expected, found };
}

/** Finds the first error in a text that `JSON.parse` rejected; `undefined` if it is valid JSON. */
export function locateJsonError(text: string): JsonErrorLocation | undefined {
  const open: ("[" | "{")[] = [];
  let state: State = "value";
  let position = 0;
  const afterValue = (): State => (open.length === 0 ? "done" : "comma-or-end");

  for (;;) {
    position = skipSpace(text, position);
    const character = text[position];
    if (character === undefined) {
      return state === "done" ? undefined : createLocation(text, position, expectedIn[state]);
    }
    const closes = open.at(-1) === "[" ? "]" : "}";
    if (
      character === closes &&
      (state === "comma-or-end" || state === "value-or-end" || state === "key-or-end")
    ) {
      open.pop();
      position += 1;
      state = afterValue();
    } else if (state === "comma-or-end" && character === ",") {
      position += 1;
      state = open.at(-1) === "[" ? "value" : "key";
    } else if (state === "colon" && character === ":") {
      position += 1;
      state = "value";
    } else if (state === "value" || state === "value-or-end") {
      if (character === "[" || character === "{") {
        open.push(character);
        position += 1;
        state = character === "[" ? "value-or-end" : "key-or-end";
        continue;
      }
      const end = character === '"' ? scanString(text, position) : scanScalar(text, position);
      if ("errorAt" in end) {
        return createLocation(text, end.errorAt, character === '"' ? stringRest : expectedIn[state]);
      }
      position = end.end;
      state = afterValue();
    } else if ((state === "key" || state === "key-or-end") && character === '"') {
      const end = scanString(text, position);
      if ("errorAt" in end) return createLocation(text, end.errorAt, stringRest);
      position = end.end;
      state = "colon";
    } else {
      return createLocation(text, position, expectedIn[state]);
    }
  }
}
