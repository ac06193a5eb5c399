import { requestLimits } from "@infernode/inference/limits";
import { z } from "zod";
import { flagField, integerField, tokenIdFormat, type FieldsOf } from "../shared/body/fields.ts";
import type { BodyRules } from "../shared/body/parse-body.ts";
import { promptForms } from "./prompts/parse-prompts.ts";
import { samplingFields, streamCondition, type SamplingBody } from "./parameters/sampling-fields.ts";
import { unsupportedCompletionParameters } from "./parameters/unsupported-parameters.ts";

/** The body of `POST /v1/completions`. */
export interface CompletionBody extends SamplingBody {
  /** As it came; see `parsePrompts`. */
  readonly prompt: unknown;
  readonly logprobs: number | undefined;
  readonly echo: boolean | undefined;
  readonly add_special_tokens: boolean | undefined;
}

const maxPrompts = 128;
const tokenIds = {
  type: "array",
  items: { type: "integer", minimum: 0, format: tokenIdFormat },
  minItems: 1,
};

const fields: FieldsOf<CompletionBody> = {
  prompt: z
    .unknown()
    .refine((prompt) => prompt !== undefined, { error: promptForms })
    .meta({
      description:
        "What the text goes on from: a string, several strings, token ids, or several arrays of token ids.",
      anyOf: [
        { type: "string" },
        { type: "array", items: { type: "string" }, minItems: 1, maxItems: maxPrompts },
        tokenIds,
        { type: "array", items: tokenIds, minItems: 1, maxItems: maxPrompts },
      ],
    }),
  ...samplingFields,
  max_tokens: integerField(
    { min: 0 },
    "Longest answer, in tokens; 0 only with `echo`, for the prompt alone. Default 16.",
  ).optional(),
  logprobs: integerField(
    { min: 0, max: requestLimits.maxLogprobs },
    "Reports the log-probability of each token and of this many alternatives; with `echo` those of the prompt too.",
  ).optional(),
  echo: flagField("Puts the prompt before the answer. Default false.").optional(),
  add_special_tokens: flagField(
    "Lets the tokenizer put its special tokens around the prompt. Default true.",
  ).optional(),
};

/** How a completion request is checked. */
export const completionRules: BodyRules<CompletionBody> = {
  schema: z.strictObject(fields, { error: "an object" }),
  unsupported: unsupportedCompletionParameters,
  conditions: [
    streamCondition,
    {
      anyOf: [
        { properties: { max_tokens: { not: { const: 0 } } } },
        { properties: { echo: { const: true } }, required: ["echo"] },
      ],
    },
  ],
};
