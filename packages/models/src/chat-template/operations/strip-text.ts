import { isLowHalf } from "../values/code-points.ts";
import { isSpaceCode } from "../values/white-space.ts";

/** Python's `strip`, `lstrip` and `rstrip`. */
export function strip(
  text: string,
  {
    start,
    end,
    chars,
  }: { readonly start: boolean; readonly end: boolean; readonly chars?: string | undefined },
): string {
  const stripped = chars === undefined ? undefined : new Set(chars);
  const isStripped = (point: string): boolean => stripped?.has(point) ?? isSpaceCode(point.charCodeAt(0));
  let first = 0;
  for (const limit = start ? text.length : 0; first < limit;) {
    const point = String.fromCodePoint(text.codePointAt(first) ?? 0);
    if (!isStripped(point)) break;
    first += point.length;
  }
  let last = text.length;
  for (const limit = end ? first : text.length; last > limit;) {
    const point = text.slice(isLowHalf(text, last - 1) ? last - 2 : last - 1, last);
    if (!isStripped(point)) break;
    last -= point.length;
  }
  return text.slice(first, last);
}
