/** Control characters other than tab and line feed: a terminal obeys them, and a model must not command it. */
// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;

/** Shows each control character as its picture (␛ for escape) or, where there is none, as U+FFFD. */
export function toPrintable(text: string): string {
  return text.replaceAll(controls, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : "\uFFFD";
  });
}
