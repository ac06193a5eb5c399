import type { ChatTemplateMessage } from "./chat-template.ts";

/** The first private-use code point: no template and hardly any text contains one. */
const firstMark = 0xf0000;
const markCount = 0xfffe;

/**
 * Renders a conversation up to the end of the final message's text. The result is always a prefix of the rendered
 * conversation: marks only find where the text ends, in renderings that are discarded.
 *
 * @param render renders the whole conversation
 * @throws Error where the final message has no text, where the template does not write it, and where the template
 * renders differently once the text has a mark
 */
export function openFinalMessage(
  messages: readonly ChatTemplateMessage[],
  render: (messages: readonly ChatTemplateMessage[]) => string,
): string {
  const final = messages.at(-1);
  const content = final?.content;
  if (final === undefined || typeof content !== "string") {
    throw new Error("expected a final message with text to continue, got none");
  }
  const rendered = render(messages);
  if (!rendered.includes(content.trim())) {
    throw new Error(
      "expected the whole text of the final message in the rendered chat, got none of it or a part",
    );
  }
  const mark = markAbsentFrom(rendered);
  const renderAs = (text: string): string => render([...messages.slice(0, -1), { ...final, content: text }]);

  const marked = renderAs(content + mark);
  const end = marked.lastIndexOf(mark);
  if (end >= 0 && marked.replaceAll(mark, "") === rendered) {
    return assertEnd(rendered.slice(0, lengthWithout(mark, marked.slice(0, end))), content);
  }

  // The template trims the text: without a mark, the white space at its end is dropped.
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

/** A reversed text would end at its start. */
function assertEnd(opened: string, text: string): string {
  if (!opened.trimEnd().endsWith(text.trim())) throw changed();
  return opened;
}

function changed(): Error {
  return new Error(
    "expected a template that writes the final message's text as it is, got one that changes it",
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
  throw new Error("expected an unused private-use code point, got none");
}
