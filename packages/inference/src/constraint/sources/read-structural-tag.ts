import type { ConstraintSource, StructuralTagSource } from "./constraint-source.ts";
import { assertJson } from "../json-schema/schema/json-value.ts";
import type { Budget } from "../program/budget.ts";
import { readFormat } from "./read-tag-format.ts";
import { readTag, triggeredTags } from "./read-tags.ts";
import { TagFields } from "./tag-fields.ts";

/** Where a structural tag stands. */
export interface StructuralTagOptions {
  readonly budget: Budget;
  /** The name of its place, with which the places in it begin. [none] */
  readonly place?: string | undefined;
}

/**
 * Reads a structural tag as a composed source: `{ type, format }`, or the older `{ type, structures, triggers }`, whose
 * structures are tags with a JSON schema.
 * @throws ConstraintError with the place in the tag as `part`
 * @see https://xgrammar.mlc.ai/docs/tutorials/structural_tag.html
 */
export function readStructuralTag(
  { structuralTag: value, whitespace = "flexible" }: StructuralTagSource,
  { budget, place }: StructuralTagOptions,
): ConstraintSource {
  budget.path = "structural tag";
  assertJson(value, budget);
  const fields = new TagFields(value, place ?? "structural_tag");
  if (fields.get("type") !== "structural_tag") fields.invalid("type", '"structural_tag"');
  const within = (name: string): string => (place === undefined ? name : `${place}.${name}`);
  const context = { ends: [], whitespace, read: readFormat };
  if (fields.has("format") || !fields.has("structures")) {
    const format = fields.get("format");
    fields.assertAllRead();
    return readFormat(format, { ...context, place: within("format") });
  }
  const tags = fields.list("structures").map((structure, index) => {
    const at = within(`structures[${index}]`);
    return readTag(toTag(structure, at), { ...context, place: at, contentName: "schema" });
  });
  const triggers = fields.texts("triggers");
  if (triggers.length === 0) fields.invalid("triggers", "an array of texts that is not empty");
  fields.assertAllRead();
  return triggeredTags(fields, { tags, triggers, excludes: [], isAtLeastOne: false, isFirstOnly: false });
}

/** A structure of the older form as a tag. */
function toTag(structure: ConstructorParameters<typeof TagFields>[0], place: string): TagFields {
  const fields = new TagFields(structure, place);
  const schema = fields.get("schema");
  if (schema === undefined) fields.invalid("schema", "a JSON schema");
  const tag = {
    begin: fields.text("begin"),
    content: { type: "json_schema", json_schema: schema! },
    end: fields.text("end"),
  };
  fields.assertAllRead();
  return new TagFields(tag, place);
}
