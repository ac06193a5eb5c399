import { hasAtMost, requestLimits } from "@infernode/inference/limits";
import { z } from "zod";
import { arrayField } from "./fields.ts";

const { maxStopCharacters, maxStopStrings } = requestLimits;

/** A text that ends an answer. */
export const stopField: z.ZodType<string> = z
  .string({ error: "a string" })
  .min(1, { error: "a string that is not empty" })
  .refine((text) => hasAtMost(text, maxStopCharacters), {
    error: `a string of at most ${maxStopCharacters} characters`,
  })
  .meta({ maxLength: maxStopCharacters });

/** Several of them. */
export const stopsField: z.ZodType<readonly string[]> = arrayField(stopField, {
  max: maxStopStrings,
  of: "strings",
});
