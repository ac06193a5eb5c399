import { skipSpace } from "../read-until.ts";
import type { Parsing, TextCursor } from "../text-cursor.ts";

/** Reads `element, element, …` and the bracket that ends it; `undefined` where there is something else. */
export function* readElements(
  cursor: TextCursor,
  end: string,
  readElement: () => Parsing<string | undefined>,
): Parsing<readonly string[] | undefined> {
  const elements: string[] = [];
  for (;;) {
    yield* skipSpace(cursor);
    if (cursor.peek() === end) break;
    const element = yield* readElement();
    if (element === undefined) return undefined;
    elements.push(element);
    yield* skipSpace(cursor);
    if (cursor.peek() === end) break;
    if (cursor.peek() !== ",") return undefined;
    cursor.skip(1);
  }
  cursor.skip(1);
  return elements;
}
