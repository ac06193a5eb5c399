import type { ChatTemplateMessage } from "./chat-template.ts";

/** First of the code points for private use, which no template and next to no text has. */
const firstMark = 0xf0000;
const markCount = 0xfffe;

/**
 * Renders a conversation up to the end of the final message's text. The result is always the beginning of what
 * the template writes without a mark: marks only show where the text ends, in renderings that are thrown away.
 *
 * @param render writes the conversation whole
 * @throws Error where the final message has no text, where the template does not write it, and where the template
 * writes something else once the text has a mark
 */
export function openFinalMessage(
  messages: readonly ChatTemplateMessage[],
  render: (messages: readonly ChatTemplateMessage[]) => string,
): string {
  const final = messages.at(-1);
  const content = final?.content;
  if (final === undefined || typeof content !== "string") {
    throw new Error("expected a final message with text to go on with, found none");
  }
  const rendered = render(messages);
  if (!rendered.includes(content.trim())) {
    throw new Error(
      "expected the final message's text in what the template writes, found none of it or a part",
    );
  }
  const mark = markAbsentFrom(rendered);
  const renderAs = (text: string): string => render([...messages.slice(0, -1), { ...final, content: text }]);

  const marked = renderAs(content + mark);
  const end = marked.lastIndexOf(mark);
  if (end >= 0 && marked.replaceAll(mark, "") === rendered) {
    return assertEnd(rendered.slice(0, lengthWithout(mark, marked.slice(0, end))), content);
  }

  // The template trims the text: without a mark at its end, the space before that goes.
  const rest = marked.slice(end + mark.length);
  const text = content.trimEnd();
  const space = content.slice(text.length);
  const inside = renderAs(text + mark + space);
  const textEnd = lengthWithout(mark, inside.slice(0, Math.max(0, inside.lastIndexOf(mark))));
  const openEnd = rendered.length - rest.length;
  const isExact =
    end >= 0 &&
    inside.replaceAll(mark, "") === rendered &&
    rendered.endsWith(rest) &&
    openEnd >= textEnd &&
    space.startsWith(rendered.slice(textEnd, openEnd));
  if (!isExact) throw changed();
  return assertEnd(rendered.slice(0, openEnd), text);
}

/** A text that is turned round has its end where it begins. */
function assertEnd(opened: string, text: string): string {
  if (!opened.trimEnd().endsWith(text.trim())) throw changed();
  return opened;
}

function changed(): Error {
  return new Error(
    "expected a template that writes the final message's text as it is, found one that changes it",
  );
}

function lengthWithout(mark: string, text: string): number {
  return text.replaceAll(mark, "").length;
}

function markAbsentFrom(text: string): string {
  for (let at = 0; at < markCount; at += 1) {
    const mark = String.fromCodePoint(firstMark + at);
    if (!text.includes(mark)) return mark;
  }
  throw new Error("expected a text that leaves a code point for private use free");
}
