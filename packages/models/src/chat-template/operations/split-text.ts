import type { Budget } from "../values/budget.ts";
import { TemplateError } from "../values/template-error.ts";
import { isSpaceCode, skipSpace } from "../values/white-space.ts";

// oxlint-disable-next-line no-control-regex -- Python splits there
const lineEnd = /\r\n|[\n\r\v\f\u001C\u001D\u001E\u0085\u2028\u2029]/g;

export interface SplitRules {
  /** White space where absent. */
  readonly separator: string | undefined;
  readonly maxSplits: number;
  readonly fromEnd: boolean;
}

/** Python's `split` and `rsplit`. */
export function split(text: string, rules: SplitRules, budget: Budget): string[] {
  const { separator, maxSplits, fromEnd } = rules;
  const limit = maxSplits < 0 ? Infinity : maxSplits;
  if (separator === undefined) return splitSpaces(text, limit, { fromEnd, budget });
  if (separator === "") throw new TemplateError("empty separator");
  const parts = text.split(separator);
  budget.makeItems(parts.length);
  budget.makeText(text.length);
  if (parts.length <= limit + 1) return parts;
  const cut = fromEnd ? parts.length - limit : limit;
  return fromEnd
    ? [parts.slice(0, cut).join(separator), ...parts.slice(cut)]
    : [...parts.slice(0, cut), parts.slice(cut).join(separator)];
}

/** Splits at runs of white space; the rest beyond the limit keeps its white space. */
function splitSpaces(
  text: string,
  limit: number,
  { fromEnd, budget }: { readonly fromEnd: boolean; readonly budget: Budget },
): string[] {
  const words: (readonly [start: number, end: number])[] = [];
  for (let start = skipSpace(text, 0); start < text.length;) {
    let end = start;
    while (end < text.length && !isSpaceCode(text.charCodeAt(end))) end += 1;
    words.push([start, end]);
    start = skipSpace(text, end);
  }
  budget.makeItems(words.length);
  budget.makeText(text.length);
  const texts = words.map(([start, end]) => text.slice(start, end));
  if (words.length <= limit) return texts;
  if (!fromEnd) return [...texts.slice(0, limit), text.slice(words[limit]?.[0])];
  const last = words.length - limit - 1;
  return [text.slice(0, words[last]?.[1]), ...texts.slice(last + 1)];
}

/** Python's `splitlines`. */
export function splitLines(text: string, keepsEnds: boolean, budget: Budget): string[] {
  const lines: string[] = [];
  let start = 0;
  for (const { 0: end, index } of text.matchAll(lineEnd)) {
    lines.push(text.slice(start, keepsEnds ? index + end.length : index));
    start = index + end.length;
  }
  if (start < text.length) lines.push(text.slice(start));
  budget.makeItems(lines.length);
  budget.makeText(text.length);
  return lines;
}
