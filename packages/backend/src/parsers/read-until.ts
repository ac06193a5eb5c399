import { escapePattern } from "../text/escape-pattern.ts";
import type { Parsing, TextCursor } from "./text-cursor.ts";

/** Texts that mean something in a format; none contains another. */
export class Marks {
  readonly texts: readonly string[];
  /** Finds the first one in one pass, whichever it is. */
  readonly #pattern: RegExp;

  constructor(...texts: readonly string[]) {
    this.texts = texts;
    this.#pattern = new RegExp(texts.map(escapePattern).join("|"));
  }

  findIn(text: string): { readonly mark: string; readonly at: number } | undefined {
    const found = this.#pattern.exec(text);
    return found === null ? undefined : { mark: found[0], at: found.index };
  }

  /** How much of a text's end may be the beginning of a mark. */
  heldLength(text: string): number {
    let held = 0;
    for (const mark of this.texts) {
      for (let length = Math.min(mark.length - 1, text.length); length > held; length -= 1) {
        if (text.endsWith(mark.slice(0, length))) held = length;
      }
    }
    return held;
  }
}

/**
 * Hands on text up to the first of several marks, and reads the mark. What may be the beginning of one is held back.
 * Returns the mark, `undefined` at the end of the text.
 */
export function* readUntil(
  cursor: TextCursor,
  marks: Marks,
  write: (text: string) => void,
): Parsing<string | undefined> {
  for (;;) {
    const { rest } = cursor;
    const found = marks.findIn(rest);
    if (found !== undefined) {
      write(rest.slice(0, found.at));
      cursor.skip(found.at + found.mark.length);
      return found.mark;
    }
    const length = cursor.isEnded ? rest.length : rest.length - marks.heldLength(rest);
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

/**
 * Reads one of several marks, none of which begins with another, if it is next, and the white space before it; returns
 * what was read. Otherwise nothing is read.
 */
export function* skipMark(cursor: TextCursor, marks: readonly string[]): Parsing<string | undefined> {
  for (;;) {
    const { rest } = cursor;
    const text = rest.trimStart();
    const spaceLength = rest.length - text.length;
    if (spaceLength > maxSpaceBefore) return undefined;
    const found = marks.find((mark) => text.startsWith(mark));
    if (found !== undefined) {
      cursor.skip(spaceLength + found.length);
      return rest.slice(0, spaceLength + found.length);
    }
    if (cursor.isEnded || !marks.some((mark) => mark.startsWith(text))) return undefined;
    yield;
  }
}

/** The first character after white space, which is not read; empty where there is none, or much white space. */
export function* peekAfterSpace(cursor: TextCursor): Parsing<string> {
  for (;;) {
    const { rest } = cursor;
    const text = rest.trimStart();
    if (text !== "" || cursor.isEnded || rest.length > maxSpaceBefore) {
      return rest.length - text.length > maxSpaceBefore ? "" : text.charAt(0);
    }
    yield;
  }
}
