import { type Expression, literal, sequence } from "../program/expression.ts";
import { isJsonObject, isScalar, type JsonValue } from "./json-value.ts";

/** One value, with whitespace where JSON may have it; its properties in their order. */
export function writeLiteral(value: JsonValue, space: Expression): Expression {
  if (isScalar(value)) return literal(JSON.stringify(value));
  const isObject = isJsonObject(value);
  const items = isObject
    ? Object.entries<JsonValue>(value).map(([name, item]) =>
        sequence(literal(`${JSON.stringify(name)}:`), space, writeLiteral(item, space)),
      )
    : (value as readonly JsonValue[]).map((item) => writeLiteral(item, space));
  const [open, close] = isObject ? ["{", "}"] : ["[", "]"];
  const parts = items.flatMap((item, index) => (index === 0 ? [space, item] : [literal(","), space, item]));
  return sequence(literal(open), ...parts, space, literal(close));
}
