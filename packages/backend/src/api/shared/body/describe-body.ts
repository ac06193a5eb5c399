import { z } from "zod";
import type { JsonMap } from "./fields.ts";
import type { BodyRules } from "./parse-body.ts";
import type { UnsupportedParameter } from "../../openai/parameters/unsupported-parameters.ts";
import { describeFields } from "./describe-fields.ts";

function describeUnsupported({ neutral, hint }: UnsupportedParameter): JsonMap {
  const why = hint === undefined ? "Not supported" : `Not supported: ${hint}`;
  if (neutral === undefined) return { description: `${why}.`, type: "null" };
  return { description: `${why}. A value that asks for nothing is taken.`, ...neutral.schema };
}

/** What the document says of the model that is served. */
export interface DescribedModel {
  readonly id: string;
  /** Unknown while the model loads. */
  readonly vocabSize?: number | undefined;
}

/** Makes the JSON Schema of a request body of the rules that check it. */
export function describeRequest<Body>(rules: BodyRules<Body>, { vocabSize }: DescribedModel): JsonMap {
  const { schema, unsupported, conditions = [] } = rules;
  const {
    $schema: _dialect,
    properties,
    ...rest
  } = z.toJSONSchema(schema, {
    target: "draft-2020-12",
  });
  const refused = [...(unsupported ?? [])].map(([name, parameter]) => [name, describeUnsupported(parameter)]);
  const described = describeFields(
    { ...rest, properties: { ...properties, ...Object.fromEntries(refused) } },
    vocabSize,
  ) as JsonMap;
  // Conditions are about fields that the schema has: they stay as they are.
  return conditions.length === 0 ? described : { ...described, allOf: conditions };
}
