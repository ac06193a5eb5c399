/**
 * Compiles a pattern in which `*` stands for any text, also an empty one; everything else stands for itself. Matching
 * takes time in proportion to the text, whatever the pattern.
 */
export function createTextPattern(pattern: string): (text: string) => boolean {
  const parts = pattern.split("*");
  const [start = "", ...rest] = parts;
  const end = rest.pop();
  if (end === undefined) return (text) => text === pattern;
  return (text) => {
    if (text.length < start.length + end.length) return false;
    if (!text.startsWith(start) || !text.endsWith(end)) return false;
    const middle = text.slice(start.length, text.length - end.length);
    let at = 0;
    for (const part of rest) {
      const found = middle.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return true;
  };
}
