import { parseGenerationDefaults } from "@infernode/models";
import { expect, test } from "vitest";
import { z } from "zod";
import { samplingFields } from "../../../src/api/openai/parameters/sampling-fields.ts";

const values = [
  -2,
  -1,
  -1e-9,
  0,
  1e-9,
  0.5,
  1,
  1.000001,
  1.5,
  2,
  2.000001,
  5,
  100,
  2 ** 31 - 1,
  2 ** 31,
  1e300,
  "1",
  true,
];
const names = [
  ["temperature", "temperature"],
  ["top_p", "top_p"],
  ["top_k", "top_k"],
  ["min_p", "min_p"],
  ["repetition_penalty", "repetition_penalty"],
  ["max_new_tokens", "max_tokens"],
] as const;

function isDefault(name: string, value: unknown): boolean {
  try {
    parseGenerationDefaults({ [name]: value });
    return true;
  } catch {
    return false;
  }
}

test.each(names)("a checkpoint may recommend for %s what a request may send as %s", (name, field) => {
  const schema = z.object(samplingFields).shape[field];
  for (const value of values) {
    expect([value, isDefault(name, value)]).toEqual([value, schema.safeParse(value).success]);
  }
});
