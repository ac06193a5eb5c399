const wide = /[\uD800-\uDFFF]/;

/** The number of code points of a text. */
export function pointCount(text: string): number {
  if (!wide.test(text)) return text.length;
  let points = text.length;
  for (let at = 1; at < text.length; at += 1) if (isLowHalf(text, at)) points -= 1;
  return points;
}

/** Whether a low surrogate of a pair is at an index. */
export function isLowHalf(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff && (text.codePointAt(at - 1) ?? 0) > 0xffff;
}

/** Whether indices of code points are those of UTF-16 units. */
export function isNarrow(text: string): boolean {
  return !wide.test(text);
}

/** Compares by code points, where JavaScript compares by UTF-16 units. */
export function compareTexts(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  if (at === end) return a.length - b.length;
  const before = at > 0 && isLowHalf(a, at) && isLowHalf(b, at) ? at - 1 : at;
  return (a.codePointAt(before) ?? 0) - (b.codePointAt(before) ?? 0);
}
