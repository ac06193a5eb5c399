import { z } from "zod";
import type { BodyDescription, DescribedModel } from "../codec.ts";
import type { JsonMap } from "../json-schema.ts";
import { describeFields } from "./describe-fields.ts";
import { type BodyRules, findIgnorable, type UnsupportedParameter } from "./parse-body.ts";

function describeUnsupported({ neutral, hint }: UnsupportedParameter): JsonMap {
  const why = hint === undefined ? "Not supported" : `Not supported: ${hint}`;
  if (neutral === undefined) return { description: `${why}.`, type: "null" };
  return { description: `${why}. A value that asks for nothing is accepted.`, ...neutral.schema };
}

function toJsonSchema<Body>(rules: BodyRules<Body>, { vocabSize }: DescribedModel): JsonMap {
  const { schema, unsupported, conditions = [] } = rules;
  const {
    $schema: _dialect,
    properties,
    ...rest
  } = z.toJSONSchema(schema, {
    target: "draft-2020-12",
  });
  const rejected = [...(unsupported ?? [])].map(([name, parameter]) => [
    name,
    describeUnsupported(parameter),
  ]);
  const described = describeFields(
    { ...rest, properties: { ...properties, ...Object.fromEntries(rejected) } },
    vocabSize,
  ) as JsonMap;
  // Conditions are about fields that the schema has: they stay as they are.
  return conditions.length === 0 ? described : { ...described, allOf: conditions };
}

/** Describes a request body by the rules that check it. */
export function describeBody<Body>(
  name: string,
  rules: BodyRules<Body>,
  example: (model: DescribedModel) => JsonMap,
): BodyDescription {
  return {
    name,
    schema: (model) => toJsonSchema(rules, model),
    example,
    ignorableNames: (body) => findIgnorable(body, rules),
  };
}
