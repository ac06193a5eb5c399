import type { Parsing, TextCursor } from "./text-cursor.ts";

/** How much of a text's end may be the beginning of a mark. */
function heldLength(text: string, marks: readonly string[]): number {
  let held = 0;
  for (const mark of marks) {
    for (let length = Math.min(mark.length - 1, text.length); length > held; length -= 1) {
      if (text.endsWith(mark.slice(0, length))) held = length;
    }
  }
  return held;
}

function findFirst(
  text: string,
  marks: readonly string[],
): { readonly mark: string; readonly at: number } | undefined {
  let found: { readonly mark: string; readonly at: number } | undefined;
  for (const mark of marks) {
    const at = text.indexOf(mark);
    if (at >= 0 && (found === undefined || at < found.at)) found = { mark, at };
  }
  return found;
}

/**
 * Hands on text up to the first of several marks, none of which contains another, and reads the mark. What may be the
 * beginning of one is held back. Returns the mark, `undefined` at the end of the text.
 */
export function* readUntil(
  cursor: TextCursor,
  marks: readonly string[],
  write: (text: string) => void,
): Parsing<string | undefined> {
  for (;;) {
    const { rest } = cursor;
    const found = findFirst(rest, marks);
    if (found !== undefined) {
      write(rest.slice(0, found.at));
      cursor.skip(found.at + found.mark.length);
      return found.mark;
    }
    const length = cursor.isEnded ? rest.length : rest.length - heldLength(rest, marks);
    write(rest.slice(0, length));
    cursor.skip(length);
    if (cursor.isEnded) return undefined;
    yield;
  }
}

/** Reads white space. */
export function* skipSpace(cursor: TextCursor): Parsing {
  while (yield* cursor.hasMore()) {
    const { rest } = cursor;
    cursor.skip(rest.length - rest.trimStart().length);
    if (!cursor.isDrained) return;
  }
}

/** White space before an optional mark; where there is more, the mark does not count. */
const maxSpaceBefore = 64;

/** Reads one of several marks, if it is next, and the white space before it. Otherwise nothing is read. */
export function* skipMark(cursor: TextCursor, marks: readonly string[]): Parsing<string | undefined> {
  for (;;) {
    const { rest } = cursor;
    const text = rest.trimStart();
    const spaceLength = rest.length - text.length;
    if (spaceLength > maxSpaceBefore) return undefined;
    const found = marks.find((mark) => text.startsWith(mark));
    if (found !== undefined) {
      cursor.skip(spaceLength + found.length);
      return found;
    }
    if (cursor.isEnded || !marks.some((mark) => mark.startsWith(text))) return undefined;
    yield;
  }
}
