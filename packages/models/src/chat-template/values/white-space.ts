/** Python's white space. */
const spaces: string =
  "\t\n\v\f\r\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000";
const codes: ReadonlySet<number> = new Set(Array.from(spaces, (space) => space.charCodeAt(0)));

/** Whether a UTF-16 unit is white space; all white space is in the basic plane. */
export function isSpaceCode(code: number): boolean {
  return (
    code === 32 || (code < 32 ? code >= 9 && (code <= 13 || code >= 28) : code >= 0x85 && codes.has(code))
  );
}

/** The first index from `from` on that is not white space. */
export function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && isSpaceCode(text.charCodeAt(at))) at += 1;
  return at;
}

/** Whether only white space follows. */
export function isBlank(text: string, from: number): boolean {
  return skipSpace(text, from) === text.length;
}

/** Removes white space at the end of a text. */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpaceCode(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
