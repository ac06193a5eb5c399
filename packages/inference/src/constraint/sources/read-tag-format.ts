import type { ConstraintSource } from "./constraint-source.ts";
import type { JsonValue } from "../json-schema/schema/json-value.ts";
import type { FormatContext } from "./tag-format-context.ts";
import { anyOf, readTag, triggeredTags } from "./read-tags.ts";
import { TagFields } from "./tag-fields.ts";

type ReadFormat = (fields: TagFields, context: FormatContext) => ConstraintSource;

/** Formats that are enforced, by their type. */
const formats: ReadonlyMap<string, ReadFormat> = new Map<string, ReadFormat>([
  ["const_string", (fields) => ({ literal: fields.text("value") })],
  ["json_schema", readJsonSchema],
  ["regex", (fields, { place }) => named({ regex: fields.text("pattern") }, place)],
  [
    "grammar",
    (fields, { place }) => {
      fields.oneOf("syntax", ["ebnf"]);
      return named({ grammar: fields.text("grammar") }, place);
    },
  ],
  ["any_text", readAnyText],
  ["sequence", readSequence],
  ["or", (fields, context) => anyOf(readElements(fields, context))],
  ["optional", (fields, context) => ({ repeat: readContent(fields, context), min: 0, max: 1 })],
  ["star", (fields, context) => ({ repeat: readContent(fields, context), min: 0, max: Infinity })],
  ["plus", (fields, context) => ({ repeat: readContent(fields, context), min: 1, max: Infinity })],
  ["repeat", readRepeat],
  ["tag", (fields, context) => readTag(fields, context).after(0)],
  ["triggered_tags", readTriggeredTags],
  ["tags_with_separator", readTagsWithSeparator],
  ["dispatch", readDispatch],
]);

/** Reads one format of a structural tag. @throws ConstraintError with its place as `part` */
export function readFormat(value: JsonValue | undefined, context: FormatContext): ConstraintSource {
  const fields = new TagFields(value, context.place);
  const type = fields.get("type");
  const read = typeof type === "string" ? formats.get(type) : undefined;
  if (read === undefined) {
    return fields.refuse("UNSUPPORTED_CONSTRAINT", "type", `one of ${[...formats.keys()].join(", ")}`);
  }
  const source = read(fields, context);
  fields.assertAllRead();
  return source;
}

function named(part: ConstraintSource, name: string): ConstraintSource {
  return { part, name };
}

function readJsonSchema(fields: TagFields, { place, whitespace }: FormatContext): ConstraintSource {
  fields.oneOf("style", ["json"]);
  fields.refuseOther("any_order", "properties in the order of the schema");
  fields.refuseOther("excludes", "none: patterns of the schema say what texts are");
  const most = fields.get("max_whitespace_cnt");
  if (most !== undefined && most !== 0) {
    fields.refuse("UNSUPPORTED_CONSTRAINT", "max_whitespace_cnt", "0 for none, or nothing");
  }
  const schema = fields.get("json_schema");
  if (schema === undefined) fields.invalid("json_schema", "a JSON schema");
  return named({ jsonSchema: schema, whitespace: most === 0 ? "compact" : whitespace }, place);
}

function readAnyText(fields: TagFields, { place, ends }: FormatContext): ConstraintSource {
  for (const name of ["max_tokens", "max_chars"]) fields.refuseOther(name, "text of any length");
  const without = [...fields.texts("excludes"), ...ends];
  return named(without.length === 0 ? { regex: "[^]*" } : { textWithout: without }, place);
}

function readElements(fields: TagFields, context: FormatContext): readonly ConstraintSource[] {
  return fields
    .list("elements")
    .map((element, index) =>
      readFormat(element, { ...context, place: `${context.place}.elements[${index}]` }),
    );
}

/** Only the last element meets the end of a tag. */
function readSequence(fields: TagFields, context: FormatContext): ConstraintSource {
  const elements = fields.list("elements");
  return {
    sequence: elements.map((element, index) =>
      readFormat(element, {
        ...context,
        place: `${context.place}.elements[${index}]`,
        ends: index === elements.length - 1 ? context.ends : [],
      }),
    ),
  };
}

function readContent(fields: TagFields, context: FormatContext): ConstraintSource {
  return readFormat(fields.get("content"), { ...context, place: `${context.place}.content` });
}

function readRepeat(fields: TagFields, context: FormatContext): ConstraintSource {
  const min = fields.count("min", 0);
  const max = fields.count("max", -1);
  const content = readContent(fields, context);
  if (max === -1) return { repeat: content, min, max: Infinity };
  if (max < min) fields.invalid("max", `at least ${min}, or -1`);
  return max === 0 ? { literal: "" } : { repeat: content, min, max };
}

function readTags(fields: TagFields, context: FormatContext): readonly ReturnType<typeof readTag>[] {
  return fields.list("tags").map((tag, index) => {
    const place = `${context.place}.tags[${index}]`;
    return readTag(new TagFields(tag, place), { ...context, place });
  });
}

function readTriggeredTags(fields: TagFields, context: FormatContext): ConstraintSource {
  const triggers = fields.texts("triggers");
  if (triggers.length === 0) fields.invalid("triggers", "an array of texts that is not empty");
  return triggeredTags(fields, {
    tags: readTags(fields, context),
    triggers,
    excludes: [...fields.texts("excludes"), ...context.ends],
    isAtLeastOne: fields.flag("at_least_one"),
    isFirstOnly: fields.flag("stop_after_first"),
  });
}

function readTagsWithSeparator(fields: TagFields, context: FormatContext): ConstraintSource {
  const tag = anyOf(readTags(fields, context).map((each) => each.after(0)));
  const separator = fields.text("separator");
  const isAtLeastOne = fields.flag("at_least_one");
  const more = { repeat: { sequence: [{ literal: separator }, tag] }, min: 0, max: Infinity };
  const tags = fields.flag("stop_after_first") ? tag : { sequence: [tag, more] };
  return isAtLeastOne ? tags : { repeat: tags, min: 0, max: 1 };
}

function readDispatch(fields: TagFields, context: FormatContext): ConstraintSource {
  const dispatch = fields.list("rules").map((rule, index) => {
    const place = `${context.place}.rules[${index}]`;
    if (!Array.isArray(rule) || rule.length !== 2 || typeof rule[0] !== "string" || rule[0] === "") {
      return fields.invalid("rules", "pairs of a text that is not empty and a format");
    }
    return { after: rule[0], follows: readFormat(rule[1], { ...context, place }) };
  });
  const isRepeated = fields.get("loop") ?? true;
  if (typeof isRepeated !== "boolean") return fields.invalid("loop", "true or false");
  return { dispatch, without: [...fields.texts("excludes"), ...context.ends], isRepeated };
}
