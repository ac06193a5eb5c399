import { exactly, type Expression, literal, sequence } from "../../program/expression.ts";
import { isJsonObject, isScalar, type JsonValue } from "../schema/json-value.ts";
import type { ObjectWriting } from "./resolve-notation.ts";

/** What writing one value needs. */
export interface LiteralWriting {
  /** Whitespace, which may be none. */
  readonly space: Expression;
  readonly objects: ObjectWriting;
  readonly scalar: (value: JsonValue) => Uint8Array;
  /** A text of an object whose texts are written as they are, with what comes after it. */
  readonly text: (value: JsonValue) => Expression;
  /** Where the value stands, for errors. */
  readonly path: string;
}

/** One value, with whitespace where JSON may have it; its properties in their order. */
export function writeLiteral(value: JsonValue, writing: LiteralWriting): Expression {
  const { space } = writing;
  if (isScalar(value)) return exactly(writing.scalar(value));
  if (isJsonObject(value)) return writeObjectLiteral(value, writing, writing.objects);
  const items = (value as readonly JsonValue[]).map((item) => writeLiteral(item, writing));
  const parts = items.flatMap((item, index) => (index === 0 ? [space, item] : [literal(","), space, item]));
  return sequence(literal("["), ...parts, space, literal("]"));
}

/** One object. */
export function writeObjectLiteral(
  value: Readonly<Record<string, JsonValue>>,
  writing: LiteralWriting,
  objects: ObjectWriting,
): Expression {
  const members = Object.entries(value).map(([name, item]) => {
    const head = objects.name(name, writing.path);
    if (objects.texts.has(name)) return sequence(head, writing.text(item));
    return sequence(head, writeLiteral(item, writing), objects.afterValue);
  });
  const parts = members.flatMap((member, index) => (index === 0 ? [member] : [objects.separator, member]));
  return sequence(objects.open, ...parts, members.length === 0 ? objects.closeEmpty : objects.close);
}
