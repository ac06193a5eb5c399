import { requestLimits } from "@infernode/inference/limits";
import { z } from "zod";

const { minSeed, maxSeed } = requestLimits;

function isSeed(value: unknown): value is number | bigint {
  if (typeof value === "bigint") return value >= minSeed && value <= maxSeed;
  return typeof value === "number" && Number.isInteger(value) && isSeed(BigInt(value));
}

/** An integer of up to 64 bits; one that a double would round comes as a `bigint` with all of its digits. */
export function seedField(description: string): z.ZodType<number | bigint> {
  return (
    z
      .unknown()
      .refine(isSeed, { error: `an integer from ${minSeed} to ${maxSeed}` })
      // As text, since numbers of zod's JSON Schemas are doubles; the OpenAPI document writes them out.
      .meta({ description, type: "integer", minimum: `${minSeed}`, maximum: `${maxSeed}` })
  );
}
