const wide = /[\uD800-\uDFFF]/;

/** How many code points a text has. */
export function pointCount(text: string): number {
  if (!wide.test(text)) return text.length;
  let points = text.length;
  for (let at = 1; at < text.length; at += 1) if (isLowHalf(text, at)) points -= 1;
  return points;
}

/** Whether the second half of a code point stands at a place. */
export function isLowHalf(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff && (text.codePointAt(at - 1) ?? 0) > 0xffff;
}

/** Whether places in a text are places of UTF-16, too. */
export function isNarrow(text: string): boolean {
  return !wide.test(text);
}

/** Below 0, 0 or above 0 by code points, where JavaScript orders by halves of surrogate pairs. */
export function compareTexts(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  if (at === end) return a.length - b.length;
  const before = at > 0 && isLowHalf(a, at) && isLowHalf(b, at) ? at - 1 : at;
  return (a.codePointAt(before) ?? 0) - (b.codePointAt(before) ?? 0);
}
