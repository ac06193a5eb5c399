import type { ConstraintSource } from "./constraint-source.ts";
import type { FormatContext } from "./tag-format-context.ts";
import type { TagFields } from "./tag-fields.ts";

/** A tag that was read. */
export interface ReadTag {
  readonly begin: string;
  /** What follows the first characters of its begin. */
  after(length: number): ConstraintSource;
}

/** Reads `{ begin, content, end }`, whose content is without its ends where it is any text. */
export function readTag(
  fields: TagFields,
  { contentName = "content", ...context }: FormatContext & { readonly contentName?: string },
): ReadTag {
  fields.get("type");
  const begin = fields.text("begin");
  const end = fields.get("end");
  const ends = typeof end === "string" ? [end] : (end as readonly string[] | undefined);
  if (!Array.isArray(ends) || ends.length === 0 || ends.some((text) => typeof text !== "string")) {
    fields.invalid("end", "a text, or an array of texts");
  }
  const content = context.read(fields.get("content"), {
    ...context,
    place: `${context.place}.${contentName}`,
    ends: ends.filter((text) => text !== ""),
  });
  fields.assertAllRead();
  const closing = anyOf(ends.map((text) => ({ literal: text })));
  return {
    begin,
    after: (length) => ({ sequence: [{ literal: begin.slice(length) }, content, closing] }),
  };
}

/** What triggered tags are made of. */
export interface TriggeredTags {
  readonly tags: readonly ReadTag[];
  readonly triggers: readonly string[];
  /** Texts that the free text does not contain. */
  readonly excludes: readonly string[];
  readonly isAtLeastOne: boolean;
  readonly isFirstOnly: boolean;
}

/** Free text in which each trigger begins one of its tags. A text that must have a tag begins with one. */
export function triggeredTags(fields: TagFields, read: TriggeredTags): ConstraintSource {
  const { tags, triggers, excludes, isAtLeastOne, isFirstOnly } = read;
  for (const { begin } of tags) {
    const count = triggers.filter((trigger) => begin.startsWith(trigger)).length;
    if (count === 1) continue;
    fields.invalid("triggers", `one with which ${JSON.stringify(begin)} begins, not ${count}`);
  }
  const first = anyOf(tags.map((tag) => tag.after(0)));
  if (isAtLeastOne && isFirstOnly) return first;
  const dispatch = triggers.map((trigger) => {
    const own = tags.filter(({ begin }) => begin.startsWith(trigger));
    if (own.length === 0) fields.invalid("triggers", `no text that begins no tag (${trigger})`);
    return { after: trigger, follows: anyOf(own.map((tag) => tag.after(trigger.length))) };
  });
  const free = { dispatch, without: excludes, isRepeated: !isFirstOnly };
  return isAtLeastOne ? { sequence: [first, free] } : free;
}

export function anyOf(sources: readonly ConstraintSource[]): ConstraintSource {
  return sources.length === 1 ? sources[0]! : { anyOf: sources };
}
