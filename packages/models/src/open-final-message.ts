import type { ChatTemplateMessage } from "./chat-template.ts";

/** Stands after the final message while it is rendered. A template that trims takes the tab and leaves the rest. */
const mark = "INFERNODE-FINAL-MESSAGE-ENDS-HERE";
const markWithTab = `${mark}\t`;

/** The messages with the end of the last one marked; `undefined` where it has no text. */
export function markFinalMessage(
  messages: readonly ChatTemplateMessage[],
): readonly ChatTemplateMessage[] | undefined {
  const final = messages.at(-1);
  if (typeof final?.content !== "string") return undefined;
  return [...messages.slice(0, -1), { ...final, content: final.content + markWithTab }];
}

/**
 * What a template wrote up to the end of the final message's text; `undefined` where it left the text out.
 * @param content the text without its mark; where the template trims texts, so is its end
 */
export function cutAfterFinalMessage(rendered: string, content: string): string | undefined {
  const end = rendered.lastIndexOf(mark);
  if (end < 0) return undefined;
  const text = rendered.slice(0, end);
  const isTrimmed = !rendered.startsWith(markWithTab, end);
  const trimmed = content.trimEnd();
  return isTrimmed && trimmed !== "" && text.endsWith(content)
    ? text.slice(0, text.length - (content.length - trimmed.length))
    : text;
}
